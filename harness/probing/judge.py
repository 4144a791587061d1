"""The judgement of one request by its rows: what they must be, and how those that came differ. Pure.

Everybody who judges a request does it here: `prove`, `gate`, `fuzz`, the orders, the exploration and `serve`. Which
claim a difference breaks is for checks to say.
"""

import ipaddress
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import NamedTuple

from harness.rollout.identities import address_of, is_by_address
from harness.rollout.tables import Identity
from harness.rule.policy import OWS, Policy
from harness.sut.observation import Probe, Row


class Aspect(StrEnum):
    """In what respect rows differ from what was expected."""

    PAIRS = "pairs of rows"
    VALUE = "value"
    USER = "user"


class Difference(NamedTuple):
    """One respect in which the rows of a request are not as expected."""

    kind: Aspect
    row: Row | None
    """The row that shows it; None where rows are too few or too many."""
    expected: tuple[str | None, ...]
    """What it may hold; for pairs of rows nothing."""


class Expected(NamedTuple):
    """What the rows of one request must be."""

    values: tuple[str | None, ...]
    """What the column may hold. Empty: NULL, or a value that the rule accepts."""
    accepts: Callable[[str], bool]
    """Whether the rule stores a value as it is."""
    user: str
    """Whose the main row is, as a person reads it."""
    is_user: Callable[[str], bool]
    """Whether a row is the expected user's."""
    pairs: int = 1


def expect(probe: Probe, served_by: str, policy: Policy) -> Expected:
    """What the rows of a request hold that a backend of ours served: the rule's one value, the probe's own user.

    Source: the plan's sections on the header and on identities.
    """
    return Expected((_value(probe, served_by, policy),), _accepted_by(policy), probe.user, probe.user.__eq__)


def expect_of_stranger(
    probe: Probe, served_by: str, policy: Policy, *, address: str | None, signed_in_user: str | None
) -> Expected:
    """What the rows of a request hold that somebody's backend served, by no more than the plan says of it.

    Several lines that are joined may have been so with or without a blank (RFC 9110, 5.2); a header that HTTP should
    have refused may be mended. An address may be written otherwise. `address` is None where a platform overwrites
    addresses, `signed_in_user` until it is known whom the token names.
    """
    values: tuple[str | None, ...] = (_value(probe, served_by, policy),)
    if served_by != "before" and probe.email is None:
        if probe.refused:
            values = ()
        elif len(probe.lines) > 1 and probe.spec.rollout.header.duplicates == "join":
            joined = b",".join(line.strip(OWS) for line in probe.lines)
            values = tuple(dict.fromkeys((*values, policy.stored([joined]))))
    accepts = _accepted_by(policy)
    identities = probe.spec.identities
    if probe.identity.user is None:
        return Expected(values, accepts, "nobody", lambda _: True)
    if is_by_address(probe.identity):
        words = "an address" if address is None else probe.user
        written = probe.user
        return Expected(
            values, accepts, words, lambda user: user == written or is_address_id(user, address, identities)
        )
    if signed_in_user is None:
        words = "the signed-in user"
        return Expected(values, accepts, words, lambda user: address_of(user, identities) is None)
    words = f"the signed-in user {signed_in_user}"
    return Expected(values, accepts, words, signed_in_user.__eq__)


def judge(rows: Sequence[Row], expected: Expected) -> list[Difference]:
    """How the rows of a request differ from what was expected, the gravest first; nothing where they do not."""
    found: list[Difference] = []
    if len(rows) != expected.pairs or not all(row.whole for row in rows):
        found.append(Difference(Aspect.PAIRS, None, ()))
    for row in rows:
        if row.user is not None and not expected.is_user(row.user):
            found.append(Difference(Aspect.USER, row, (expected.user,)))
    for row in rows:
        if row.whole and not _is_stored(row.value, expected):
            found.append(Difference(Aspect.VALUE, row, expected.values))
    return found


def counted(rows: Sequence[Row]) -> str:
    """How many rows there are, and how many of them lack their other side."""
    halves = sum(not row.whole for row in rows)
    return f"{len(rows) or 'none'}" + (f", {halves} of them without the other side" if halves else "")


def is_address_id(user: str, address: str | None, identities: Collection[Identity]) -> bool:
    """Whether an id is that of a user at this address, however it is written; None: at any address."""
    stated = address_of(user, identities)
    if stated is None or stated == address:
        return stated is not None
    try:
        found = ipaddress.ip_address(stated.partition("%")[0])
    except ValueError:
        return stated == address
    return address is None or found == ipaddress.ip_address(address)


def _value(probe: Probe, served_by: str, policy: Policy) -> str | None:
    """Nothing from `before`, the e-mail of a signed-in user, else what the rule makes of the header."""
    if served_by == "before":
        return None
    return policy.stored(probe.lines, probe.request.path) if probe.email is None else probe.email


def _is_stored(value: str | None, expected: Expected) -> bool:
    if expected.values:
        return value in expected.values
    return value is None or expected.accepts(value)


def _accepted_by(policy: Policy) -> Callable[[str], bool]:
    return policy.gives
