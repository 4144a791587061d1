"""Whether a plan says what is quoted of it: compared without white space and Markdown's marks."""

import re
from functools import lru_cache
from typing import Final

_MARKS: Final = re.compile(r"[\s*`]+")
"""Lines are broken otherwise in a quote, and emphasis and code are marked in the plan alone."""


def missing_in(plan: str, quote: str) -> bool:
    """Whether the plan's text does not hold the quote."""
    return _MARKS.sub("", quote) not in _bare(plan)


@lru_cache(maxsize=8)
def _bare(plan: str) -> str:
    return _MARKS.sub("", plan)
