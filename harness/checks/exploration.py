"""Judges what random exploration found: rows are lost only where the old backend loses them too."""

from typing import Any, Final

from harness.stages.machine import ExplorationStats
from harness.verdict import Finding, Method, Results

EXPLORED: Final = "R2"


def judge_exploration(results: Results, stats: ExplorationStats, replay: str) -> None:
    """Judges R2 over every request that was sent with a fault, and counts the rows lost as on the old backend."""
    lost = expected_losses(stats)
    results.method(EXPLORED, Method.SAMPLED)
    results.observed(EXPLORED, stats.requests.total())
    results.detail(EXPLORED, f"{stats.programs} programs of {stats.actions} actions")
    results.detail(EXPLORED, f"{stats.lost.total()} rows lost as expected, for {len(lost)} reasons")
    if stats.smallest is None:
        return
    program = "; ".join(stats.smallest.program)
    for each in stats.smallest.discrepancies:
        results.refute(Finding(EXPLORED, program, f"{each.condition}: {each.effect}", replay=replay))


def expected_losses(stats: ExplorationStats) -> tuple[str, ...]:
    """Rows that the old backend loses too, or that were lost ahead of the column; a line for each reason."""
    return tuple(
        f"{count} {'row' if count == 1 else 'rows'} lost, as expected, because {reason}"
        for reason, count in sorted(stats.lost.items())
    )


def failing_program(stats: ExplorationStats) -> dict[str, Any] | None:
    """The smallest program that failed, with what repeats it; None when none did."""
    if stats.smallest is None:
        return None
    return {"program": list(stats.smallest.program), "reproduction": stats.smallest.reproduction}


def exploration_lines(stats: ExplorationStats) -> tuple[str, ...]:
    """What was explored, for people."""
    if not stats.programs:
        return ()
    faults = ", ".join(f"{count} {fault}" for fault, count in sorted(stats.requests.items()))
    return (
        f"explored: {stats.programs} programs, {stats.actions} actions, {stats.requests.total()} requests by what went"
        f" wrong with them: {faults}",
        *expected_losses(stats),
    )
