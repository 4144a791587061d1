"""Which claims a rollout is asked, by what its file has; and why it is not asked the others. Pure."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from harness.automata.bounds import bounds_of
from harness.automata.pattern import parsed
from harness.rollout.tables import Tables


class ClaimGroup(NamedTuple):
    """Claims that are asked under one condition."""

    ids: tuple[str, ...]
    applies: Callable[[Tables], bool]
    reason: str
    """Why they are not asked where it does not hold."""


def _sql(tables: Tables) -> bool:
    return any(step.kind == "sql" for step in tables.step)


def _concurrent(tables: Tables) -> bool:
    return any(step.concurrent for step in tables.step)


def _bounded(tables: Tables) -> bool:
    rule = tables.header.rule if tables.header else ()
    return any(operation.take or _has_bound(operation.match) for operation in rule)


def _has_bound(source: str | None) -> bool:
    """Whether no text fits an expression that is longer than some length, which is known."""
    pattern = None if source is None else parsed(source)
    return pattern is not None and pattern.obstacle is None and bounds_of(pattern.tree).longest is not None


def _text_column(tables: Tables) -> bool:
    return (tables.store.detail or tables.store.main).type == "text"


def _storage(tables: Tables) -> bool:
    return tables.client is not None and tables.client.storage is not None


GROUPS: Final = (
    ClaimGroup(("V1",), lambda tables: tables.header is not None, "no header"),
    ClaimGroup(("V2",), _bounded, "the rule has no bound that is known"),
    ClaimGroup(
        ("V3", "V4", "V5", "V6", "V7", "V8", "V9", "V10"),
        lambda tables: tables.header is not None,
        "no header",
    ),
    ClaimGroup(("C1", "C2"), lambda tables: tables.header is not None, "no header"),
    ClaimGroup(("C3",), lambda tables: tables.reference.insert is not None, "no reference.insert"),
    ClaimGroup(
        ("I1",),
        lambda tables: any(identity.value != "{header}" or identity.auth for identity in tables.identity),
        "each identity stores the header, and none has a token",
    ),
    ClaimGroup(
        ("I2",), lambda tables: any(identity.user for identity in tables.identity), "no identity has a user"
    ),
    ClaimGroup(("R1", "R2", "R3", "D1"), lambda tables: tables.header is not None, "no header"),
    ClaimGroup(("M1",), _sql, "no step of SQL"),
    ClaimGroup(("M2", "M3"), _sql, "no step of SQL"),
    ClaimGroup(("M4", "M5", "M6"), _concurrent, "no index is built concurrently"),
    ClaimGroup(("M7",), _text_column, "the column is no text"),
    ClaimGroup(("M8", "M9"), _sql, "no step of SQL"),
    ClaimGroup(("M10",), _concurrent, "no step is refused in a transaction"),
    ClaimGroup(("M11",), _sql, "no step of SQL"),
    ClaimGroup(("M13",), _concurrent, "no index is built concurrently"),
    ClaimGroup(("M14",), _sql, "no step of SQL"),
    ClaimGroup(("M15",), lambda tables: tables.runner.kind != "statements", "no runner but plain statements"),
    ClaimGroup(("O1", "O2", "O3", "O4", "O5"), lambda tables: bool(tables.step), "no steps"),
    ClaimGroup(("E1",), _storage, "no client.storage"),
    ClaimGroup(("E2", "E3", "E4"), _storage, "no client.storage"),
    ClaimGroup(("E5",), lambda tables: tables.client is not None, "no client"),
    ClaimGroup(("E6", "E7"), _storage, "no client.storage"),
    ClaimGroup(("F1", "F2", "F3", "F4"), lambda tables: "route" in tables.backend.files, "no backend.files"),
    ClaimGroup(
        ("F7", "F8"),
        lambda tables: tables.client is not None and "options" in tables.client.files,
        "no client.files",
    ),
    ClaimGroup(("A0",), lambda tables: bool(tables.audit), "no audit"),
    ClaimGroup(("S1", "S2"), lambda _tables: True, ""),
)
"""Every claim that is known, in groups; sentences of the plan's own are the file's `audit`."""

CLAIM_IDS: Final = tuple(name for group in GROUPS for name in group.ids)


def asked(tables: Tables) -> tuple[str, ...]:
    """The claims that apply, the file's own sentences last."""
    general = tuple(name for group in GROUPS if group.applies(tables) for name in group.ids)
    return (*general, *(audit.id for audit in tables.audit))


def not_asked(tables: Tables) -> Iterator[tuple[tuple[str, ...], str]]:
    """Claims that do not apply, with the reason, a reason once."""
    reasons: dict[str, list[str]] = {}
    for group in GROUPS:
        if not group.applies(tables):
            reasons.setdefault(group.reason, []).extend(group.ids)
    for reason, ids in reasons.items():
        yield tuple(ids), reason
