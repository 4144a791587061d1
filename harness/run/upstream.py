"""What `harness upstream` does: serves the stub until it is told to end."""

import asyncio
import signal
from typing import Final

from harness.backend.serve import check_port, upstream
from harness.run.progress import Say

ROUTE: Final = "/chat/completions"


def serve_upstream(port: int, say: Say) -> None:
    """Serves until SIGINT or SIGTERM. Raises UnavailableError when the port is taken."""
    check_port(port)
    asyncio.run(_serve(port, say))


async def _serve(port: int, say: Say) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with upstream(port) as process:
        say(f"upstream stub at {process.origin}{ROUTE}; Ctrl-C ends it")
        await told.wait()
