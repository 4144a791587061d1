"""Whether a port is listened on."""

import asyncio
from typing import Final

from harness.clients.exchange import Address

TIMEOUT_S: Final = 10.0


async def is_listening(address: Address) -> bool:
    """Whether somebody accepts connections there."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(*address)
    except TimeoutError:  # nobody refuses it
        return True
    except OSError:
        return False
    writer.close()
    return True
