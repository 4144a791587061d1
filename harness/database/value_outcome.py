"""What becomes of one value in a database. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValueOutcome:
    """What becomes of one value: another value, or an error's first line in `refused`. `value` None is NULL."""

    value: str | None
    result: str | None
    refused: str = ""
