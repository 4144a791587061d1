"""How much of the header rule's suite is sent."""

from enum import StrEnum
from typing import Final

EXTRA_STATES_MAX: Final = 9
"""Most states beyond the rule's that a suite is made for; each makes it more than a hundred times as large."""


class Level(StrEnum):
    """How many headers are sent."""

    SMOKE = "smoke"  # the borders of the rule's machine
    STANDARD = "standard"  # these, and the short suite: each class in each state
    EXHAUSTIVE = (
        "exhaustive"  # the complete suite, a proof within its bound; if it is too large, byte for byte
    )
