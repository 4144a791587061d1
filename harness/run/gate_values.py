"""The values that the gate's requests send as the header, class by class, each before any comes again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from harness import plan
from harness.clients.extension import Auth, derived_id, plan_header
from harness.clients.request_bytes import FIELDS_SURE, HEAD_BYTES_SURE
from harness.probing.probe_factory import value_case
from harness.probing.values import hard_values, valid_values
from harness.rule.cases import HeaderCase, Kind
from harness.rule.policy import Policy
from harness.stages.matrix import MACHINE

ROOM_BYTES, ROOM_LINES = 1024, 20
"""In a head, for what is not the plan's header."""
VALID: Final = derived_id(MACHINE)
LONGEST: Final = b"a" * plan.LENGTH_MAX


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

    Rows of signed-in users show no value, so a request of theirs takes none from those that are still to be tried.
    """

    def __init__(self, policy: Policy, given_bytes: int = 0) -> None:
        hard = [value for value in hard_values(policy) if fits(value_case(value), given_bytes)]
        plain = [value for value in hard if value.isascii() and 0 < len(value) <= plan.LENGTH_MAX]
        other = [value for value in hard if not value.isascii()]
        long = [value for value in hard if len(value) > plan.LENGTH_MAX]
        lines = ((VALID, VALID), ("a", "b"), (VALID, ""), ("", VALID), (VALID, VALID.upper()))
        twice = [HeaderCase((*plan_header(one), *plan_header(two)), Kind.DUPLICATE) for one, two in lines]
        singly = [[b"", b" "], long, plain[::2], plain[1::2], other[::2], other[1::2]]
        classes = [list(map(value_case, values)) for values in singly if values]
        self._classes = [*classes, twice, [value_case(LONGEST, Kind.LIMIT)]]
        self._valid = [value_case(value, Kind.VALID) for value in valid_values(policy)]
        self._used: Counter[int] = Counter()

    @property
    def classes(self) -> int:
        """How many kinds of header there are beside none and a valid one."""
        return len(self._classes)

    def valid(self, auth: Auth = Auth.ANONYMOUS) -> HeaderCase:
        """The next valid value."""
        return self._next(_VALID, self._valid, auth)

    def of_class(self, number: int, auth: Auth = Auth.ANONYMOUS) -> HeaderCase:
        """The next value of a class."""
        return self._next(number, self._classes[number], auth)

    def rest(self) -> Iterator[HeaderCase]:
        """Values of the classes that no request has had yet."""
        for number, cases in enumerate(self._classes):
            yield from cases[self._used[number] :]

    def valid_left(self) -> int:
        """How many valid values no request has had yet."""
        return max(0, len(self._valid) - self._used[_VALID])

    def _next(self, number: int, cases: Sequence[HeaderCase], auth: Auth) -> HeaderCase:
        case = cases[self._used[number] % len(cases)]
        self._used[number] += auth is not Auth.SIGNED_IN
        return case


_VALID: Final = -1
