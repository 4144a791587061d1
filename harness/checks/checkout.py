"""Judges the plan's files in two checkouts by what was found in them. Pure."""

from collections.abc import Sequence
from typing import Final

from harness.checkout.migration_outcome import JournalFault, MigrationOutcome
from harness.checkout.missing_hops import UNTYPED, Missing
from harness.checkout.way import BackendWay
from harness.checks.checkout_claims import INSERT, MIGRATIONS, ROUTE
from harness.checks.lint import Linted
from harness.checks.lint_model import Lint
from harness.database.declaration import DifferenceKind
from harness.verdict import Finding, Method, Results


def judge_way(results: Results, way: BackendWay, *, rows_are_right: bool = False) -> None:
    """Judges F3 and F4: every place of the value's way, in the order of the way.

    Rows that have the value contradict a place where it is said to be lost: a lookup table, or what is built at run
    time, is not followed. What does not compile is said all the same, since the run takes the types out.
    """
    for claim in (ROUTE, INSERT):
        results.method(claim, Method.EXHAUSTIVE)
        if way.unknown:
            results.inconclusive(claim, way.unknown)
    if way.unknown:
        return
    handler = way.handler.rpartition(":")[0]
    at_route = [missing for missing in way.missing if missing.file == handler]
    after = [missing for missing in way.missing if missing.file != handler]
    results.observed(ROUTE, max(1, sum(place.startswith(handler) for place in way.passed)))
    results.observed(INSERT, max(2, len(way.passed)))
    if way.read_at:
        results.detail(ROUTE, f"read at {way.read_at}")
    if way.set_at:
        results.detail(ROUTE, f"accounted for from {way.set_at} on")
    results.detail(INSERT, f"{len(way.passed)} places: {', '.join(way.passed)}")
    if way.others:
        results.detail(INSERT, f"the field is also written at {', '.join(way.others)}")
    for claim, places in ((ROUTE, at_route), (INSERT, after)):
        for place in places if rows_are_right else ():
            if place.consequence != UNTYPED:
                results.detail(claim, f"the rows have it; not followed: {place.where} {place.what}")
        if lacking := [place for place in places if not rows_are_right or place.consequence == UNTYPED]:
            results.refute(_finding(claim, lacking))


def _finding(claim: str, places: list[Missing]) -> Finding:
    """The first place is the finding; those after it are named with it."""
    first, further = places[0], places[1:]
    more = "".join(f"; after it {each.where} {each.what}" for each in further)
    edits = "; ".join(f"{each.where}: {each.edit}" for each in places)
    return Finding(claim, f"{first.where}: {first.what}", f"{first.consequence}{more}", workaround=edits)


STOPS: Final = frozenset(
    (
        "another-column",
        "another-index",
        "build-in-function",
        "build-in-transaction",
        "file-missing",
        "no-migration",
        "not-journalled",
        "older-when",
        "older-than-recorded",
    )
)
"""Faults of the linter by which the rollout does not get where it should; the others are remarks."""


LOST: Final = "every INSERT that names it fails (42703): usage of all users is lost behind a 200"
ANOTHER_COLUMN: Final = "it stores, refuses or fills in otherwise than is declared"


def judge_migrations(
    results: Results,
    folder: str,
    outcomes: Sequence[MigrationOutcome],
    linted: Linted,
    journal: Sequence[JournalFault],
    by_hand: frozenset[str],
) -> None:
    """Judges F1: what became of each database, then what the linter, the journal and the snapshot say.

    `folder` is the path below the checkout, and `by_hand` the files that only build the index and are not journalled.
    """
    results.method(MIGRATIONS, Method.EXHAUSTIVE)
    lints = [lint for lint in linted.faults if lint.rule in STOPS and lint.file not in by_hand]
    for outcome in outcomes:
        results.observed(MIGRATIONS)
        if found := _of_outcome(outcome, folder, lints):
            results.refute(found, alike=found.condition)
        else:
            results.detail(MIGRATIONS, f"from {outcome.start}: the column as declared")
    results.detail(MIGRATIONS, "applied by our runner, which M15 holds to drizzle-orm's own")
    if not results.refuted(MIGRATIONS):
        for lint in lints:
            condition = f"{_place(folder, lint)}: {lint.message}"
            remedy = " ".join((lint.advice, *lint.remedy)).strip()
            results.refute(Finding(MIGRATIONS, condition, f"{lint.rule} in the files", workaround=remedy))
    judge_journal(results, folder, journal)
    for lint in linted.not_judged:
        results.inconclusive(MIGRATIONS, f"{_place(folder, lint)}: {lint.message}")


def judge_journal(results: Results, folder: str, faults: Sequence[JournalFault]) -> None:
    """Refutes F1 for each fault of the journal and of the newest snapshot."""
    results.method(MIGRATIONS, Method.EXHAUSTIVE)
    for fault in faults:
        condition = f"{folder}/{fault.file}:{fault.line}: {fault.what}"
        results.refute(Finding(MIGRATIONS, condition, fault.effect, workaround=fault.edit))


def _of_outcome(outcome: MigrationOutcome, folder: str, lints: Sequence[Lint]) -> Finding | None:
    if outcome.has_column and not outcome.has_another_index:
        return None
    lint = next((each for each in lints if not outcome.file or each.file == outcome.file), None)
    at = _place(folder, lint) if lint is not None else f"{folder}/{outcome.file}:1".replace("/:1", ":1")
    remedy = "" if lint is None else " ".join((lint.advice, *lint.remedy)).strip()
    if outcome.refused:
        effect = "everything is rolled back and the release is blocked"
        return Finding(MIGRATIONS, f"{at}: {outcome.refused}", effect, workaround=remedy)
    if not outcome.has_column and outcome.column is not None:
        reason = "" if lint is None else f"; {lint.message}"
        what = f"the migrator reports success, and of the column: {outcome.column.describe()}{reason}"
        effect = LOST if outcome.column.kind is DifferenceKind.MISSING else ANOTHER_COLUMN
    else:
        assert outcome.index is not None
        what, effect = (
            f"another index: {outcome.index.describe()}",
            "look-ups by an id are not served as declared",
        )
    return Finding(MIGRATIONS, f"{at}: {what}", effect, workaround=remedy)


def _place(folder: str, lint: Lint) -> str:
    name = folder if lint.rule == "no-migration" else f"{folder}/{lint.file}"
    return f"{name}:{max(lint.line, 1)}"
