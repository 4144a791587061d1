"""Judges what random exploration found: rows are lost only where the backend as it was loses them too."""

from collections.abc import Sequence
from typing import Any, Final

from harness.stages.machine import Logbook
from harness.verdict import Finding, Method, Results

EXPLORED: Final = "R2"


def judge_exploration(results: Results, book: Logbook, replay: str) -> None:
    """Judges R2 over every request that was sent while something went wrong, and counts the rows lost as ever."""
    results.method(EXPLORED, Method.SAMPLED)
    results.observed(EXPLORED, book.requests.total())
    results.detail(EXPLORED, f"{book.programs} programs of {book.actions} actions")
    results.detail(
        EXPLORED, f"{book.lost.total()} rows lost as ever, and {len(lost_as_ever(book))} reasons why"
    )
    if book.smallest is None:
        return
    program = "; ".join(book.smallest.program.lines())
    for one in book.smallest.discrepancies:
        results.refute(Finding(EXPLORED, program, f"{one.case}: {one.effect}", replay=replay))


def lost_as_ever(book: Logbook) -> tuple[str, ...]:
    """Which rows were lost that the backend as it was loses too, or ahead of the column; a line for each reason."""
    return tuple(
        f"{count} {'row' if count == 1 else 'rows'} lost, as expected, because {reason}"
        for reason, count in sorted(book.lost.items())
    )


def failing_program(book: Logbook) -> dict[str, Any] | None:
    """The smallest program that failed, for a file that repeats it; None when none did."""
    return None if book.smallest is None else book.smallest.program.document()


def told(book: Logbook) -> Sequence[str]:
    """What was explored, for people."""
    if not book.programs:
        return ()
    kinds = ", ".join(f"{count} {what}" for what, count in sorted(book.requests.items()))
    return (
        f"explored: {book.programs} programs, {book.actions} actions, {book.requests.total()} requests by what went"
        f" wrong with them: {kinds}",
        *lost_as_ever(book),
    )
