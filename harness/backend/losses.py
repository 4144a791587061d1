"""What a replica reports of rows that it gave up. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loss:
    """A request whose rows were given up after three tries."""

    message_id: str
    sqlstate: str
    """SQLSTATE of the last try; '' when no statement was reached (no connection)."""
    message: str
