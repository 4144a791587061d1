"""Judges the rehearsal of a migration of one's own: accepted, nobody held up, nothing refused, no index left invalid.

Its claims are asked of no rollout: they are known here.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from harness.checks.registry import Detail, Observed, Outcomes, check
from harness.database.sqlstate import named
from harness.rehearsal.measurements import Measured
from harness.verdict import Claim, Finding, Method

SECTION: Final = "a migration of one's own"
ACCEPTED: Final = Claim(
    "Y1", "Every statement of the migration is accepted, sent as its tool sends it.", "", SECTION
)
STALLED: Final = Claim(
    "Y2", "No write is held up for longer than the budget while the migration runs.", "", SECTION, least=20
)
SERVED: Final = Claim(
    "Y3",
    "No statement of the writers and readers is refused before, while and after the migration runs.",
    "",
    SECTION,
    least=20,
)
VALID: Final = Claim("Y4", "The migration leaves every index valid.", "", SECTION)
OWN_CLAIMS: Final = (ACCEPTED, STALLED, SERVED, VALID)
"""In their order; the second only where there is a budget."""


class OwnMigration(NamedTuple):
    """What a migration of one's own did on a filled copy, under traffic."""

    name: str
    measured: Measured
    places: tuple[str, ...]
    """File and line of each statement of the approach."""
    budget_ms: float | None
    refusals: Mapping[tuple[str, str, str], int]
    """How often what was refused: the statement of the traffic, SQLSTATE, message."""
    invalid: tuple[str, ...]
    """Indexes that are not valid."""
    indexes: int
    """How many indexes the database has."""
    workaround: str
    """What to do in place of it; empty where there is nothing better."""


def _condition(of: OwnMigration) -> str:
    return f"migration `{of.name}` on {of.measured.rows:,} rows"


@check(ACCEPTED.id, over=OwnMigration, evidence=Method.EXHAUSTIVE)
def statements_are_accepted(of: OwnMigration) -> Outcomes:
    """Y1: each statement up to the first that the server refuses."""
    spans = of.measured.spans
    yield Observed(ACCEPTED.id, len(spans))
    yield Detail(ACCEPTED.id, f"{len(spans)} of {len(of.places)} statements sent")
    refused = of.measured.refused
    if refused is not None:
        place = of.places[len(spans) - 1]
        effect = f"{refused.statement} was refused: {named(refused.sqlstate)}: {refused.message}"
        yield Finding(ACCEPTED.id, f"{_condition(of)}, {place}", effect, workaround=of.workaround)


@check(STALLED.id, over=OwnMigration, evidence=Method.MEASURED)
def writes_are_not_held_up(of: OwnMigration) -> Outcomes:
    """Y2: the longest latency of a write while the migration ran, counted from when it was due."""
    measured = of.measured
    yield Observed(STALLED.id, sum(sample.write for sample in measured.samples))
    if of.budget_ms is None:
        return
    yield Detail(
        STALLED.id, f"longest {measured.stall_ms_max:.1f} ms of {of.budget_ms:g} ms, {measured.rows:,} rows"
    )
    if measured.stall_ms_max > of.budget_ms:
        stalls = [span.stall_ms_max(measured.samples) for span in measured.spans]
        worst = stalls.index(max(stalls))
        effect = (
            f"a write was held up for {measured.stall_ms_max:.0f} ms, more than the budget of {of.budget_ms:g} ms; "
            f"{stalls[worst]:.0f} ms of it by: {measured.spans[worst].statement}"
        )
        workaround = of.workaround or "send each statement by itself, under a lock_timeout, and try it again"
        yield Finding(STALLED.id, f"{_condition(of)}, {of.places[worst]}", effect, workaround=workaround)


@check(SERVED.id, over=OwnMigration, evidence=Method.MEASURED)
def traffic_is_served(of: OwnMigration) -> Outcomes:
    """Y3: what the server refused of the traffic, by statement and reason."""
    samples = of.measured.samples
    yield Observed(SERVED.id, len(samples))
    writes = sum(sample.write for sample in samples)
    yield Detail(
        SERVED.id, f"{writes:,} writes, {len(samples) - writes:,} reads, {of.measured.errors:,} refused"
    )
    for (statement, sqlstate, message), times in of.refusals.items():
        effect = f"{statement} was refused {times} times: {named(sqlstate)}: {message}"
        workaround = (
            "an application that is not changed yet does this: bring it past that first, or give what it does then "
            "by --writer and --reader"
        )
        yield Finding(SERVED.id, _condition(of), effect, workaround=workaround)


@check(VALID.id, over=OwnMigration, evidence=Method.EXHAUSTIVE)
def indexes_are_valid(of: OwnMigration) -> Outcomes:
    """Y4: by the catalogue, afterwards."""
    yield Observed(VALID.id, max(1, of.indexes))
    yield Detail(VALID.id, f"{of.indexes} indexes")
    for index in of.invalid:
        effect = f"index {index} is not valid: writes pay for it, no look-up uses it"
        workaround = (
            "attach the index of each part (ALTER INDEX ... ATTACH PARTITION), or drop it and build it again"
        )
        yield Finding(VALID.id, _condition(of), effect, workaround=workaround)
