"""The subjects of the matrix: each command on each thing that it judges in these tests, and how it is run.

Only what the commands' own modules offer is used (options in, report out), so that the matrix outlives what is inside.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psycopg

from harness.backend.defects import CATALOGUE as REFERENCE
from harness.backend.defects import DEFECTS
from harness.backend.serve import ReplicaConfig, replica, upstream
from harness.data import sql_text
from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.database.templates import Templates
from harness.report.document import Report, to_json
from harness.rule.suite import Level
from harness.run.gate import gate
from harness.run.options.gate import GateOptions
from harness.run.options.prove import ProveOptions
from harness.run.options.selftest import SelftestOptions
from harness.run.prove import prove
from harness.run.selftest import selftest
from tests.backends.defects import KINDS, Kind, defect_names
from tests.fix_backends import independent
from tests.fix_gate import of_backend, of_reference, said
from tests.fix_stack import SECRET
from tests.foreign.catalogue import CATALOGUE as FOREIGN
from tests.foreign.launch import serving
from tests.matrix.command_subjects import Subject, command_subjects
from tests.matrix.commands import OURS
from tests.matrix.outcomes import Outcomes, of_report, of_trials

MODES: Final = (
    "429-half",
    "500-half",
    "html",
    "hang",
    "close-random",
    "die-after-60",
    "overwrites-forwarded-for",
)
CLEAN: Final = ("after", "before")
PLAIN: Final = "plain"
WAIT_ROWS_S: Final = 4.0
"""Rows of the backends in these tests come at once or, on purpose, some hundred milliseconds late."""


@dataclass(frozen=True, slots=True)
class Given:
    """What all subjects share."""

    server: Server
    templates: Templates
    program: tuple[str, ...] = OURS
    """Runs the commands that are run as users run them."""


Run = Callable[[Given], dict[str, Outcomes]]
"""Runs one command; the outcomes by subject, since the self-test has many."""


def subjects(level: Level) -> Iterator[tuple[str, Run]]:
    """Each subject of a level with what runs it; those that take longest come first.

    The self-test chooses its levels itself and stands at smoke. At standard the gate judges what has no fault, and
    the build before the change; at exhaustive there is only `prove`.
    """
    yield from _proofs(level)
    if level is Level.SMOKE:
        yield "selftest", _selftest
    if level is not Level.EXHAUSTIVE:
        yield from _foreign(level)
        yield from _independent(level)
        yield from _reference(level)
    if level is Level.SMOKE:
        yield from commands()


def commands() -> Iterator[tuple[str, Run]]:
    """The subjects that any version's program can be run on."""
    for name, subject in command_subjects():

        def run(given: Given, name: str = name, subject: Subject = subject) -> dict[str, Outcomes]:
            return {name: subject(given.program, given.server, given.templates)}

        yield name, run


def _proofs(level: Level) -> Iterator[tuple[str, Run]]:
    for policy in ("strict", "length-only") if level is Level.SMOKE else ("strict",):
        name = "prove" if policy == "strict" else f"prove --policy {policy}"

        def run(given: Given, name: str = name, policy: str = policy) -> dict[str, Outcomes]:
            options = ProveOptions(level, policy, given.server.dsn("postgres"))
            return {name: of_report(_document(prove(options, said)))}

        yield name, run


def _selftest(given: Given) -> dict[str, Outcomes]:
    return of_trials(_document(selftest(SelftestOptions(given.server.dsn("postgres")), said)))


def _foreign(level: Level) -> Iterator[tuple[str, Run]]:
    for entry in (PLAIN, *(entry.name for entry in FOREIGN if level is Level.SMOKE)):
        name = f"gate foreign {entry}"

        def run(given: Given, name: str = name, entry: str = entry) -> dict[str, Outcomes]:
            with given.server.database() as dsn, serving(dsn, entry) as backend:
                options = GateOptions(
                    backend.url,
                    backend.role_dsn,
                    backend.free_model,
                    backend.token,
                    backend.email,
                    level=level,
                )
                return {name: _judged(options)}

        yield name, run


def _independent(level: Level) -> Iterator[tuple[str, Run]]:
    smoke = level is Level.SMOKE
    for kind in KINDS:
        defects = [(defect, None) for defect in defect_names(kind) if smoke]
        modes = [(None, mode) for mode in MODES if smoke]
        for defect, mode in [(None, None), *defects, *modes]:
            name = f"gate {kind} {defect or mode or PLAIN}"
            yield name, _independent_run(name, kind, defect, mode, level)


def _independent_run(name: str, kind: Kind, defect: str | None, mode: str | None, level: Level) -> Run:
    def run(given: Given) -> dict[str, Outcomes]:
        with (
            given.server.database() as dsn,
            independent(kind, dsn, defect, mode, late_ms=(10, 80)) as backend,
        ):
            limits: dict[str, Any] = {"timeout_s": 5.0, "time_limit_s": 60.0} if mode else {}
            options = replace(of_backend(backend), level=level, wait_rows_s=WAIT_ROWS_S, **limits)
            return {name: _judged(options)}

    return run


def _reference(level: Level) -> Iterator[tuple[str, Run]]:
    for build in REFERENCE if level is Level.SMOKE else CLEAN:
        yield _reference_run(build, "after", level)
    for build in (*CLEAN, *(defect.build.name for defect in DEFECTS if defect.version == "before")):
        yield _reference_run(build, "before", level)


def _reference_run(build: str, expected: str, level: Level) -> tuple[str, Run]:
    name = f"gate --build {expected} reference {build}"
    state = SchemaState.BASE if (build, expected) == ("before", "before") else SchemaState.READY

    async def judge(dsn: str) -> Outcomes:
        async with (
            upstream() as stub,
            replica(ReplicaConfig(build, "strict", dsn, stub.origin, SECRET)) as process,
        ):
            options = replace(
                of_reference(process, dsn), level=level, build=expected, wait_rows_s=WAIT_ROWS_S
            )
            return await asyncio.to_thread(_judged, options)

    def run(given: Given) -> dict[str, Outcomes]:
        with given.templates.database(state) as dsn:
            prelude = REFERENCE[build].prelude
            if prelude is not None:
                with psycopg.connect(dsn, autocommit=True) as connection:
                    connection.execute(sql_text(prelude).encode())
            return {name: asyncio.run(judge(dsn))}

    return name, run


def _judged(options: GateOptions) -> Outcomes:
    with tempfile.TemporaryDirectory() as folder:
        report = gate(replace(options, journal=Path(folder) / "journal.jsonl"), said)
    return of_report(_document(report))


def _document(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(to_json(report))
    return document
