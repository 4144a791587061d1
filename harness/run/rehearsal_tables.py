"""A rehearsal's measurements and observations as tables and as a picture, for people. Judges nothing."""

import re
from collections.abc import Sequence
from typing import Final

from harness import plan
from harness.database.sqlstate import named
from harness.rehearsal.build_phase import AWAITED
from harness.rehearsal.lock_modes import ObservedLocks
from harness.rehearsal.measurements import Measured, Span
from harness.rehearsal.runner_results import Attempt, Cell, Matrix, Way
from harness.rehearsal.scenario import ScenarioResult
from harness.report.contents import Table
from harness.report.timeline import Band, Panel, timeline

_ADMINISTRATIVE: Final = re.compile(r"\s*(SET|RESET|BEGIN|COMMIT)\b", re.IGNORECASE)
"""Statements that take no time worth a line."""


def matrix_table(matrix: Matrix) -> Table:
    """Layouts down, runners across: what came of a run, and below it what came of running it again."""
    ways = tuple(dict.fromkeys(cell.way for cell in matrix.cells))
    layouts = tuple(dict.fromkeys(cell.layout for cell in matrix.cells))
    rows = tuple((layout.name, *(_cell(matrix.cell(layout.name, way)) for way in ways)) for layout in layouts)
    notes = [f"{layout.name}: {layout.summary}" for layout in layouts]
    notes += [f"{layout.name}: {layout.caution}" for layout in layouts if layout.caution]
    notes += sorted({f"{cell.way} skipped: {cell.skipped}" for cell in matrix.cells if cell.skipped})
    disagreements = matrix.disagreements()
    if Way.DRIZZLE in ways and matrix.drizzle:
        agreed = "differs in " + ", ".join(disagreements) if disagreements else "agrees in every cell"
        notes.append(f"{matrix.drizzle}: the drizzle-like runner {agreed}")
    return Table("Runners and layouts: first run, and again", ("layout", *ways), rows, tuple(notes))


def _cell(cell: Cell) -> str:
    if cell.first is None:
        return "skipped"
    second = "" if cell.second is None else f"\n{_second_run(cell.first, cell.second)}"
    return f"{cell.first}{second}"


def _second_run(first: Attempt, second: Attempt) -> str:
    return "the same" if str(second) == str(first) else str(second)


def locks_table(observations: Sequence[ObservedLocks]) -> Table:
    """Each statement at each moment: what it holds on the table, whom that keeps out, how many it waits for."""
    rows = tuple(
        (
            observation.case.name,
            observation.case.hold,
            ", ".join(observation.held) or "nothing",
            ", ".join(observation.blocks) or "nobody",
            str(observation.waits_for),
            observation.mismatch or "as predicted",
        )
        for observation in observations
    )
    columns = ("statement", "held", "lock on the table", "keeps out", "waits for", "prediction")
    notes = tuple(f"{hold}: {whom}; new ones pass" for hold, whom in AWAITED.items())
    return Table("Locks", columns, rows, notes)


def failures_table(scenario_results: Sequence[ScenarioResult]) -> Table:
    """Each failure scenario with what was seen, and whether the recovery led out of it."""
    rows = tuple(
        (
            result.scenario.name,
            "\n".join(result.notes) or result.skipped,
            _recovery(result),
            _writers(result),
        )
        for result in scenario_results
    )
    scenarios = [result.scenario for result in scenario_results]
    notes = tuple(f"{scenario.name}: {scenario.summary}; {scenario.advice}" for scenario in scenarios)
    return Table("Failure scenarios", ("scenario", "seen", "recovery, run twice", "writers"), rows, notes)


def _recovery(result: ScenarioResult) -> str:
    if result.skipped:
        return "not run"
    return result.problem or " and ".join(result.final_states)


def _writers(result: ScenarioResult) -> str:
    errors = ", ".join(sqlstate or "a broken connection" for sqlstate in result.errors)
    counts = f"{result.accepted} accepted, {result.kept} kept"
    return f"{counts}, saw {errors}" if errors else counts


def stalls_table(measured: Sequence[Measured], *, compares: bool = True) -> Table:
    """One line for each way to migrate; where it compares, how many times as long as the first each held a write up."""
    rows = tuple(
        (
            measurement.approach.name,
            _ms(measurement.stall_ms_max),
            *(
                " ".join(map(_ms, (phase.p50_ms, phase.p99_ms, phase.max_ms)))
                for phase in measurement.phases().values()
            ),
            f"{measurement.build_ms:,.0f}" if measurement.build_ms else "-",
            f"{measurement.rows_per_s:,.0f}" if measurement.build_ms else "-",
            f"{measurement.index_bytes / 1e6:,.1f}" if measurement.index_bytes else "-",
            str(measurement.errors),
        )
        for measurement in measured
    )
    columns = (
        "approach",
        "stall",
        "before",
        "during",
        "after",
        "build",
        "rows/s",
        "MB",
        "errors",
    )
    notes = (
        "milliseconds from when each write was due; stall: the longest during the migration; before, during and "
        "after: p50, p99 and longest; MB of the index",
        *(f"{measurement.approach.name}: {measurement.approach.summary}" for measurement in measured),
        *(_comparison(measured) if compares else ()),
    )
    return Table("Write stalls", columns, rows, notes)


def _ms(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _comparison(measured: Sequence[Measured]) -> tuple[str, ...]:
    """How many times longer each other way that builds the index held a writer up than the first."""
    if not measured or not measured[0].index_bytes or not measured[0].stall_ms_max:
        return ()
    first = measured[0]
    return tuple(
        f"{measurement.approach.name} held a write up {measurement.stall_ms_max / first.stall_ms_max:.0f} times as "
        f"long as {first.approach.name}"
        for measurement in measured[1:]
        if measurement.index_bytes
    )


def statements_table(measured: Sequence[Measured]) -> Table:
    """One line for each statement that took locks, each try by itself."""
    rows = tuple(
        (
            measurement.approach.name,
            label(span.statement),
            _ms(span.duration_ms),
            f"{span.lock_wait_ms:,.0f}",
            _ms(span.stall_ms_max(measurement.samples)),
            named(span.sqlstate) if span.sqlstate else "accepted",
        )
        for measurement in measured
        for span in _timed_spans(measurement)
    )
    columns = ("approach", "statement", "took ms", "lock wait ms", "stall ms", "outcome")
    notes = ("lock waits are seen every 5 ms; a stall is what a write waited while the statement ran",)
    return Table("Statements", columns, rows, notes)


def picture(measured: Sequence[Measured], rows: int, writes_per_s: float, budget_ms: float | None) -> str:
    """The latency of writes in each way to migrate."""
    title = f"Write latency, {rows:,} rows, {writes_per_s:g} writes/s"
    return timeline([_panel(measurement) for measurement in measured], title, budget_ms or None)


def _panel(measured: Measured) -> Panel:
    bands = tuple(
        Band(label(span.statement), span.began_ms, span.ended_ms) for span in _timed_spans(measured)
    )
    writes = tuple((sample.scheduled_ms, sample.latency_ms) for sample in measured.samples if sample.write)
    summary = f"{measured.approach.summary}; longest stall {measured.stall_ms_max:,.0f} ms"
    return Panel(measured.approach.name, summary, writes, bands)


def label(statement: str) -> str:
    """A statement's first line without the plan's names; one that has none of them as it is."""
    parts = statement.rstrip(";").split()
    names = {plan.METADATA_TABLE, plan.COLUMN, plan.INDEX, f"({plan.COLUMN})"}
    own = {*names, "ON"} if names & set(parts) else set()
    return " ".join(part for part in parts if part not in own)


def instant(statement: str, sqlstate: str, message: str) -> Span:
    """A statement whose time was not measured."""
    return Span(statement, 0.0, 0.0, 0.0, sqlstate or None, message)


def _timed_spans(measured: Measured) -> tuple[Span, ...]:
    return tuple(span for span in measured.spans if not _ADMINISTRATIVE.match(span.statement))
