"""Faults of the rows: halves without the other half, pairs that come late, and rows that change once they are there.

What happens after the accounting statement is a follow-up: in one transaction with it, or some time later.
"""

from collections.abc import Callable
from typing import Final

from harness import plan
from harness.backend.builds import FollowUp, Memory, Sender
from harness.backend.defects.parts import (
    Class,
    Defect,
    accepted,
    faulty,
    invalid,
    signed_in,
    with_junk_token,
)

LATE_S: Final = 1.0
"""How long after the first rows late ones come."""
CHANGE_S: Final = 0.5
"""How long a row is right before it is changed."""
Follows = Callable[[Memory, Sender], tuple[FollowUp, ...]]

_TWIN: Final = "usage/metadata_twin.sql"
_DROP_METADATA: Final = FollowUp("usage/drop_metadata.sql")
_DROP_USAGE: Final = FollowUp("usage/drop_usage.sql")


def where(asked: Class, follow_up: FollowUp) -> Follows:
    """A statement after the requests of a class."""
    return lambda _memory, sender: (follow_up,) if asked(sender) else ()


def streamed_with_value(sender: Sender) -> bool:
    """Whether a stream was asked for, with a header that was let through."""
    return sender.streamed and accepted(sender)


def headerless(sender: Sender) -> bool:
    """Whether an anonymous user sent no header."""
    return sender.email is None and sender.header is None


def value_repeated(memory: Memory, sender: Sender) -> tuple[FollowUp, ...]:
    """Another pair where the value was let through before."""
    if sender.accepted is None:
        return ()
    known = memory.kept.setdefault(sender.accepted, "") == "known"
    memory.kept[sender.accepted] = "known"
    return (FollowUp("", CHANGE_S),) if known else ()


def value_later(change: Callable[[str], str | None]) -> Follows:
    """The value of an anonymous user's row is changed after a while, where that makes a difference."""

    def follows(_memory: Memory, sender: Sender) -> tuple[FollowUp, ...]:
        if sender.email is not None or sender.accepted is None:
            return ()
        changed = change(sender.accepted)
        if changed == sender.accepted:
            return ()
        return (FollowUp("usage/set_value.sql", CHANGE_S, (("new", changed),)),)

    return follows


def earlier_row(is_due: Callable[[str | None, str], bool]) -> Follows:
    """The row before, of the same address, gets this request's value, if that row's value and this one say so.

    The row before is known by the value that it had; `is_due` is not asked for the first row of an address.
    """

    def follows(memory: Memory, sender: Sender) -> tuple[FollowUp, ...]:
        if sender.email is not None:
            return ()
        address = sender.asked.address
        first = address not in memory.kept
        before = memory.kept.get(address) or None
        memory.kept[address] = sender.accepted or ""
        if first or sender.accepted is None or not is_due(before, sender.accepted):
            return ()
        return (FollowUp("usage/overwrite_earlier.sql", 0.0, (("new", sender.accepted),)),)

    return follows


def user_later(_memory: Memory, sender: Sender) -> tuple[FollowUp, ...]:
    """An anonymous user becomes one that is known by the value."""
    if sender.email is not None or sender.accepted is None:
        return ()
    user = plan.ANONYMOUS_PREFIX + sender.accepted
    return (FollowUp("usage/set_user.sql", CHANGE_S, (("new", user),)),)


ORPHANS: Final[tuple[Defect, ...]] = (
    faulty(
        "metadata-twin",
        "a second metadata row with an id of its own beside a value",
        "R1",
        follows=where(accepted, FollowUp(_TWIN)),
    ),
    faulty(
        "no-metadata-streamed",
        "a usage row without metadata where a stream has the header",
        "R1",
        follows=where(streamed_with_value, _DROP_METADATA),
    ),
    faulty(
        "no-metadata-invalid",
        "a usage row without metadata on an invalid header",
        "R1",
        follows=where(invalid, _DROP_METADATA),
    ),
    faulty(
        "no-metadata-signed-in",
        "a usage row without metadata for signed-in users",
        "R1",
        follows=where(signed_in, _DROP_METADATA),
    ),
    faulty(
        "no-usage-junk-token",
        "a metadata row without usage beside a token of nobody",
        "R1",
        follows=where(with_junk_token, _DROP_USAGE),
    ),
    faulty(
        "no-usage-headerless",
        "a metadata row without usage where no header is sent",
        "R1",
        follows=where(headerless, _DROP_USAGE),
    ),
    faulty(
        "swaps-halves",
        "a stream's metadata row changes places with that of the request before",
        "R1",
        follows=where(lambda sender: sender.streamed, FollowUp("usage/swap_halves.sql", 0.0)),
    ),
)
"""Rows that lack their other half, or have another's."""

LATE: Final[tuple[Defect, ...]] = (
    faulty(
        "pair-again-late",
        "a second pair of rows a second after the first, beside a value",
        "R1",
        follows=where(accepted, FollowUp("", LATE_S)),
    ),
    faulty(
        "metadata-again-late",
        "a second metadata row a second after the first, beside a streamed value",
        "R1",
        follows=where(streamed_with_value, FollowUp(_TWIN, LATE_S)),
    ),
    faulty(
        "usage-again-late",
        "a second usage row a second after the first, for signed-in users",
        "R1",
        follows=where(signed_in, FollowUp("usage/usage_twin.sql", LATE_S)),
    ),
    faulty(
        "pair-for-same-value",
        "a second pair of rows when a value is sent again",
        "R1",
        follows=value_repeated,
    ),
)
"""Rows that come once the first ones have been counted."""

LATER: Final[tuple[Defect, ...]] = (
    faulty(
        "nulls-later", "the value becomes NULL after half a second", "V1", follows=value_later(lambda _: None)
    ),
    faulty(
        "lower-cases-later",
        "the value becomes lower case after half a second",
        "V1",
        follows=value_later(str.lower),
    ),
    faulty(
        "overwrites-earlier",
        "a value overwrites the one before of the same address",
        "V1",
        follows=earlier_row(lambda before, value: before is not None and before != value),
    ),
    faulty(
        "fills-earlier",
        "a value is stored with the request before of the same address, which had none",
        "V5",
        follows=earlier_row(lambda before, _value: before is None),
    ),
    faulty(
        "reassigns-later",
        "the user becomes one made from the value after half a second",
        "I2",
        follows=user_later,
    ),
)
"""Rows that are right when they come."""
