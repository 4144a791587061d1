"""The values that the gate's requests send as the header, class by class, each before any comes again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from harness.clients.request_bytes import FIELDS_SURE, HEAD_BYTES_SURE
from harness.probing.probe_factory import Caller
from harness.probing.values import hard_values, valid_values
from harness.rule.accepted_values import AcceptedValues
from harness.rule.cases import HeaderCase, Kind

ROOM_BYTES, ROOM_LINES = 1024, 20
"""In a head, for what is not the header under test."""


def fits(case: HeaderCase, given_bytes: int = 0) -> bool:
    """Whether every server takes a head with these lines: above that some refuse, whatever the rule.

    `given_bytes` are in the head beside the request's own lines.
    """
    octets = sum(len(name) + len(value) + 4 for name, value in case.lines)
    return (
        octets <= HEAD_BYTES_SURE - ROOM_BYTES - given_bytes and len(case.lines) <= FIELDS_SURE - ROOM_LINES
    )


class Values:
    """Values for the requests of a covering array, each class in turn: so that the array tries them, too.

    Rows that do not hold what the rule makes of the header show no value, so requests of such identities have a turn of
    their own: they take none from those that are still to be tried, and one that counts all the same may be among them.
    """

    def __init__(self, caller: Caller) -> None:
        policy, header = caller.policy, caller.spec.rollout.header
        accepted = AcceptedValues(policy, header)
        length_max = policy.length_max

        def singly(values: Sequence[bytes], label: Kind = Kind.BYTES) -> list[HeaderCase]:
            return [case for value in values if fits(case := caller.case(value, label), caller.given_bytes)]

        valid = valid_values(policy, accepted)
        hard = hard_values(policy, valid, header.decode)
        plain = [value for value in hard if value.isascii() and 0 < len(value) <= length_max]
        other = [value for value in hard if not value.isascii()]
        long = [value for value in hard if len(value) > length_max]
        one, two = valid[0], valid[1 % len(valid)]
        lines = ((one, one), (one, two), (one, b""), (b"", one), (one, one.swapcase()))
        twice = [caller.lines(*pair) for pair in lines]
        listed = [[b"", b" "], long, plain[::2], plain[1::2], other[::2], other[1::2]]
        longest = accepted.longest or max(valid, key=len)
        classes = [*(singly(values) for values in listed), twice, singly([longest], Kind.LIMIT)]
        self._classes = [cases for cases in classes if cases]
        self._valid, self._hard = singly(valid, Kind.VALID), singly(hard)
        self._used: Counter[tuple[int, bool]] = Counter()

    @property
    def classes(self) -> int:
        """How many kinds of header there are beside none and a valid one."""
        return len(self._classes)

    def valid(self, *, shows: bool = True) -> HeaderCase:
        """The next valid value; `shows` where the row of its request shows it."""
        return self._next(_VALID, self._valid, shows=shows)

    def of_class(self, number: int, *, shows: bool = True) -> HeaderCase:
        """The next value of a class."""
        number %= len(self._classes)
        return self._next(number, self._classes[number], shows=shows)

    def rest(self) -> Iterator[HeaderCase]:
        """Values of the classes that no request has had yet."""
        for number, cases in enumerate(self._classes):
            yield from cases[self._used[number, True] :]

    @property
    def every_valid(self) -> list[HeaderCase]:
        """All valid values."""
        return self._valid

    @property
    def every_hard(self) -> list[HeaderCase]:
        """All values that are not stored as they are."""
        return self._hard

    def valid_left(self) -> int:
        """How many valid values no request has had yet."""
        return max(0, len(self._valid) - self._used[_VALID, True])

    def _next(self, number: int, cases: Sequence[HeaderCase], *, shows: bool) -> HeaderCase:
        case = cases[self._used[number, shows] % len(cases)]
        self._used[number, shows] += 1
        return case


_VALID: Final = -1
