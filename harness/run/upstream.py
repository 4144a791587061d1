"""What `harness upstream` does: serves the stub until it is told to end."""

import asyncio
import signal
from typing import Final

from harness.backend.serve import check_port, upstream
from harness.run.progress import LineCallback

ROUTE: Final = "/chat/completions"


def serve_upstream(port: int, on_line: LineCallback) -> None:
    """Serves until SIGINT or SIGTERM. Raises UnavailableError when the port is taken."""
    check_port(port)
    asyncio.run(_serve(port, on_line))


async def _serve(port: int, on_line: LineCallback) -> None:
    text = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, text.set)
    async with upstream(port) as process:
        on_line(f"upstream stub at {process.origin}{ROUTE}; Ctrl-C ends it")
        await text.wait()
