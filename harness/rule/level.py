"""How much of the header rule's suite is sent."""

from enum import StrEnum


class Level(StrEnum):
    """How many headers are sent."""

    SMOKE = "smoke"  # the borders of the rule's machine
    STANDARD = "standard"  # these, and the short suite: each class in each state
    EXHAUSTIVE = (
        "exhaustive"  # the complete suite, a proof within its bound; if it is too large, byte for byte
    )
