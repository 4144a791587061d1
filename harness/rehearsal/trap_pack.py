"""Springs each trap under live writers, runs the recovery twice, and tells what became of the index and the writers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg

from harness.database.catalog import SchemaState
from harness.database.migrations import Standing
from harness.database.runners import StatementFailed
from harness.database.server import Server
from harness.database.templates import Templates
from harness.errors import UnavailableError, UsageError
from harness.rehearsal.accounting import kept
from harness.rehearsal.crash import fragile_server
from harness.rehearsal.deadline import deadline
from harness.rehearsal.recovery import recover
from harness.rehearsal.traffic import Rate, traffic
from harness.rehearsal.traps import TRAPS, Note, Trap, TrapError

TRICKLE: Final = Rate(writers=2, writes_per_s=50.0, readers=1, reads_per_s=10.0)
TRAP_S_MAX: Final = 60.0
"""A trap takes less than a second; one that stands still would stand for ever."""


@dataclass(frozen=True, slots=True)
class Sprung:
    """What became of a trap. Empty `problem`: it sprang, and the recovery ended in a valid index twice."""

    trap: Trap
    notes: tuple[str, ...]
    ends: tuple[Standing, ...]
    """Where the database stood after each run of the recovery."""
    accepted: int
    """Writes accepted meanwhile."""
    kept: int
    """Writes of which both rows are there afterwards; not below `accepted`."""
    errors: tuple[str, ...]
    """SQLSTATEs that writers saw, each once."""
    problem: str = ""
    skipped: str = ""
    """Why it was not sprung here."""

    @property
    def recovered(self) -> bool:
        """Whether the recovery gets out of it, with every accepted write kept and no error but those allowed."""
        return not self.problem and not self.skipped


def spring_all(
    templates: Templates, server: Server, busy: Callable[[str], object] = lambda _: None
) -> tuple[Sprung, ...]:
    """Springs every trap, each on a database of its own; the crash on an embedded server of the same version."""
    found = []
    for trap in TRAPS:
        busy(trap.name)
        with templates.database(SchemaState.COLUMN) as dsn:
            found.append(spring(dsn, trap))
    busy("crash of the server")
    return (*found, _crash(server))


def spring(dsn: str, trap: Trap) -> Sprung:
    """Springs one trap in a database in state `column`, with writers running to the end of the second recovery."""
    notes: list[str] = []
    ends: list[Standing] = []
    problem = ""
    with deadline(dsn, TRAP_S_MAX), traffic(dsn, TRICKLE) as running:
        running.pass_by(2)
        try:
            asyncio.run(trap.spring(dsn, notes.append))
            for _ in range(2):
                ends.append(recover(dsn, notes.append))
        except (TrapError, StatementFailed, psycopg.Error) as error:
            problem = str(error).strip().partition("\n")[0]
        running.pass_by(2)
    accepted = running.accepted()
    errors = {one.sqlstate for one in running.samples() if one.sqlstate is not None}
    found = kept(dsn, running.prefix)
    problem = problem or _problem(ends, errors - trap.errors, accepted, found)
    return Sprung(trap, tuple(notes), tuple(ends), accepted, found, tuple(sorted(errors)), problem)


def crash(major: int) -> Sprung:
    """Springs the crash on a server of its own, of that major version."""
    with (
        fragile_server(major) as (server, trap),
        Templates(server) as templates,
        templates.database(SchemaState.COLUMN) as dsn,
    ):
        return spring(dsn, trap)


def _crash(server: Server) -> Sprung:
    try:
        return crash(int(server.version.split(".")[0]))
    except (UnavailableError, UsageError) as error:
        missing = Trap("crash of the server", "in mid-build", "", _nothing)
        return Sprung(missing, (), (), 0, 0, (), skipped=str(error))


async def _nothing(_dsn: str, _note: Note) -> None:
    return


def _problem(ends: list[Standing], errors: set[str], accepted: int, kept: int) -> str:
    if ends != [SchemaState.READY, SchemaState.READY]:
        return f"the recovery, run twice, ended in {' and '.join(ends)}, not in {SchemaState.READY}"
    if errors:
        return f"writers saw {', '.join(sorted(errors))}, which the trap does not account for"
    if kept < accepted:
        return f"{accepted} writes were accepted, and only {kept} have both rows"
    return ""
