"""Judges what random exploration found: rows are lost only where the old backend loses them too."""

from typing import Any, Final, NamedTuple

from harness.checks.registry import Detail, Observed, Outcomes, check
from harness.stages.exploration_stats import ExplorationStats
from harness.verdict import Finding, Method

EXPLORED: Final = "R2"


class Explored(NamedTuple):
    """What random exploration did and found, and the line that repeats it."""

    stats: ExplorationStats
    replay: str


@check(EXPLORED, over=Explored, evidence=Method.SAMPLED)
def rows_are_lost_as_on_the_old_backend(explored: Explored) -> Outcomes:
    """R2 over every request that was sent with a fault, and counts the rows lost as on the old backend."""
    stats, replay = explored
    lost = expected_losses(stats)
    yield Observed(EXPLORED, stats.requests.total())
    yield Detail(EXPLORED, f"{stats.programs} programs of {stats.actions} actions")
    yield Detail(EXPLORED, f"{stats.lost.total()} rows lost as expected, for {len(lost)} reasons")
    if stats.smallest is None:
        return
    program = "; ".join(stats.smallest.program)
    for each in stats.smallest.discrepancies:
        yield Finding(EXPLORED, program, f"{each.condition}: {each.effect}", replay=replay)


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
