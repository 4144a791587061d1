"""What a replica reports: rows that it gave up, and clients that left. Pure."""

from dataclasses import dataclass
from typing import Final

DRAIN_S_MAX: Final = 10.0
"""How long a replica that ends goes on with the rows that it owes."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A request whose rows were given up after three tries."""

    message_id: str
    sqlstate: str
    """SQLSTATE of the last try; '' when no statement was reached (no connection)."""
    message: str


@dataclass(frozen=True, slots=True)
class Abort:
    """A request whose client left before its reply was complete."""
