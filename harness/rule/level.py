"""How much of the header rule's suite is sent."""

from enum import StrEnum


class Level(StrEnum):
    """How many headers are sent."""

    SMOKE = "smoke"  # the borders of the alphabet and of the length
    STANDARD = "standard"  # these, and every byte at three places of six lengths
    EXHAUSTIVE = "exhaustive"  # the complete suite: a proof within its bound
