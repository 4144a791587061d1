"""Hypothesis strategies for the header that is rolled out, as a user's own tests draw them."""

from typing import Final, Literal

from hypothesis import strategies as st

from harness.errors import UsageError
from harness.library.rule import rule_of
from harness.rollout import Rollout
from harness.rule.cases import HeaderCase, Kind
from harness.rule.policy import STRICT, Policy
from harness.rule.strategies import header_cases

Which = Literal["any", "valid", "invalid", "bounds"]

_VALID: Final = (Kind.VALID, Kind.LIMIT, Kind.NEAR, Kind.SHAPE)
_INVALID: Final = (Kind.NEAR, Kind.BYTES, Kind.EMPTY, Kind.LIMIT, Kind.DUPLICATE, Kind.EDGES, Kind.SHAPE)
_KINDS: Final[dict[str, tuple[Kind, ...]]] = {
    "any": (Kind.ABSENT, *_VALID, *_INVALID),
    "valid": _VALID,
    "invalid": _INVALID,
    "bounds": (Kind.LIMIT,),
}


def headers(
    which: Which = "any", *, rollout: Rollout | None = None, policy: str = STRICT.name
) -> st.SearchStrategy[tuple[bytes, ...]]:
    """Values of the header's lines as they stand on the wire: none, one, or several.

    `valid`: what the rule stores. `invalid`: what it does not, though HTTP lets it through. `bounds`: one line whose
    length is at most three from the longest that is stored. `any`: all of these, and no header. Shrinks to fewer
    lines, then to shorter values, then to zeros. By the rule of a rollout, or of the plan's in one of its revisions,
    `policy`. Raises UsageError for another word or policy.
    """
    if which not in _KINDS:
        raise UsageError(f"no headers {which!r}; there are {', '.join(_KINDS)}")
    rule = rule_of(rollout, policy)
    cases = header_cases(rule, _KINDS[which]).filter(lambda case: not case.refused_by_http)
    if which in ("valid", "invalid"):
        cases = cases.filter(lambda case: case.values and _is_stored(case, rule) is (which == "valid"))
    if which == "valid":  # of a rule without a plain alphabet the other kinds are seldom valid
        cases = header_cases(rule, (Kind.VALID,)) | cases
    return cases.map(lambda case: case.values)


def header_values(
    which: Which = "any", *, rollout: Rollout | None = None, policy: str = STRICT.name
) -> st.SearchStrategy[bytes]:
    """The value of a header of one line; otherwise as `headers`."""
    one_line = headers(which, rollout=rollout, policy=policy).filter(lambda lines: len(lines) == 1)
    return one_line.map(lambda lines: lines[0])


def _is_stored(case: HeaderCase, rule: Policy) -> bool:
    return case.expected(rule) is not None
