"""Which requests fail: the smallest set of circumstances that all of them share and no other request has. Pure."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

Circumstances = Mapping[str, object]
"""What is known of a request: each factor with its value, and the kind of its header."""


class Explanation(NamedTuple):
    """Circumstances under which requests fail, with how many did and how many fare well without them."""

    circumstances: tuple[tuple[str, object], ...]
    """Empty where no one or two circumstances tell failures from the rest."""
    failed: int
    of: int
    """Requests under these circumstances, or of all where there are none."""
    others: int
    """Requests under other circumstances, none of which failed."""

    def __str__(self) -> str:
        """One line."""
        if not self.circumstances:
            share = 100 * self.failed / self.of if self.of else 0
            return f"in {self.failed:,} of {self.of:,} requests ({share:.0f} %), under no common circumstance"
        text = " and ".join(f"{name} {value}" for name, value in self.circumstances)
        return f"in {self.failed:,} of {self.of:,} requests with {text}, in none of {self.others:,} others"


def explain(failed: Iterable[Circumstances], fared: Iterable[Circumstances]) -> Explanation:
    """What tells the failed requests from those that fared well.

    One circumstance is preferred to two; it must be shared by all that failed and by none that fared well.
    """
    bad = [frozenset(each.items()) for each in failed]
    good = [frozenset(each.items()) for each in fared]
    total = len(bad) + len(good)
    shared = frozenset.intersection(*bad) if bad else frozenset()
    for size in (1, 2):
        for some in combinations(sorted(shared, key=str), size):
            if good and not any(frozenset(some) <= other for other in good):
                return Explanation(some, len(bad), len(bad), len(good))
    return Explanation((), len(bad), total, 0)
