"""What a NO-GO of the gate means for whoever would deploy, in one sentence that stands first. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness import plan
from harness.checks.gate_index import INDEX
from harness.checks.gate_schema import COLUMN, STORED
from harness.checks.row_checks import (
    ACCOUNTED,
    ADDRESS,
    AT_ONCE,
    IDENTITY,
    IGNORED,
    MALFORMED,
    MISSING,
    NAME,
    OLD_CLIENT,
    OTHER_COLUMNS,
    REPLY,
)
from harness.verdict import Judgement, Status

VALID: Final = "V1"
LENGTH: Final = "V2"
INVALID: Final = "V3"

_BY_CLAIM: Final = (
    ((ACCOUNTED,), "Usage rows are lost, halved or doubled, while the client keeps its reply."),
    (
        (OLD_CLIENT,),
        "Clients that do not know of the header are served otherwise than before, or not at all.",
    ),
    ((REPLY,), "A client that sends the header gets another reply than without it."),
    ((ADDRESS, IDENTITY), "Usage is accounted to somebody else, or the row holds somebody else's id."),
    ((OTHER_COLUMNS,), "The header changes what other columns of the rows hold."),
    ((MISSING,), "Rows hold values that their request did not send."),
    (
        (INVALID, MALFORMED, STORED),
        "The column holds values that the rule does not accept: anybody can fill it.",
    ),
    ((VALID,), "Valid values are not stored as they were sent: requests cannot be linked by them."),
    (
        (LENGTH,),
        "The longest length is not the rule's: values that it accepts are lost, or longer ones are stored.",
    ),
    # A value that is stored wrongly is so by any name and beside any other request: these tell something by themselves.
    (
        (NAME,),
        "The header is not told by its name: another one counts, or it does not count in another case.",
    ),
    ((AT_ONCE,), "Rows hold values that their request did not send."),
    (
        (COLUMN,),
        "The database refuses or changes values that the backend accepts, or is not as it was declared.",
    ),
    ((INDEX,), "Nothing is lost, but a look-up by the value reads the whole table."),
    ((IGNORED,), "The backend minds the header already, although it should not know of it."),
)
"""From the gravest on; the first of which a claim is refuted is told."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the run saw beside its claims."""

    has_column: bool
    served: int
    """Replies with an id, whose rows were waited for."""
    rows: int
    """Pairs of rows of these requests."""
    valued: int
    """Those that hold a value."""


def consequence(
    judgements: Iterable[Judgement], build: str, seen: Seen | None, column: str = plan.COLUMN
) -> str:
    """The sentence; empty where nothing is refuted. `seen` is None where nothing was sent or rows were not seen."""
    refuted = {one.claim.id: one for one in judgements if one.status is Status.REFUTED}
    if not refuted:
        return ""
    if seen is not None:
        if build == "after" and COLUMN in refuted and seen.served and not seen.rows:
            return _loses_all(refuted[COLUMN], seen)
        if build == "after" and VALID in refuted and seen.rows and not seen.valued:
            return _is_before(seen, column)
        if build == "before" and seen.valued:
            return (
                f"This looks like the build with the change, not the one before it: {seen.valued:,} of {seen.rows:,} "
                "rows hold a value. If it is meant to be there, judge it with --build after."
            )
    return next((text for claims, text in _BY_CLAIM if refuted.keys() & set(claims)), "")


def _loses_all(column: Judgement, seen: Seen) -> str:
    why = column.findings[0].effect if column.findings else column.detail
    counts = f"{seen.served:,} were served and none left a row here"
    begin = f"Every request loses its usage row behind a 200: {counts}; {why}"
    if seen.has_column:
        return f"{begin}."
    return f"{begin}, which the INSERT of this backend names. Add the column first, or roll the backend back."


def _is_before(seen: Seen, column: str) -> str:
    begin = "This looks like the build before the change"
    rows = f"none of {seen.rows:,} rows holds a value, whatever was sent and whoever sent it"
    if not seen.has_column:
        return f"{begin}, on a database without its column: {rows}. Nothing is lost; migrate, then deploy the build."
    return (
        f"{begin}, or like one whose INSERT leaves {column} out: {rows}. Nothing is lost; check which build is "
        "deployed, and if it is the new one, that its accounting statement writes the column."
    )
