"""The gate at its smallest level, against a target of which it knows the URL, the database and a test user only."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from harness.backend.serve import Process
from harness.backend.tokens import issue_token
from harness.pytest_plugin.fixtures import Backend as ReferenceBackend
from harness.report.contents import Requests
from harness.report.document import Report, to_json
from harness.rule.suite import Level
from harness.run.gate import judge_target
from harness.run.options.gate import GateOptions
from harness.run.report_reading import read_text
from harness.verdict import Status
from tests.fix_backends import Backend
from tests.fix_stack import SECRET, StartReplica

REFERENCE_MODEL = "harness/stub:free"

Judge = Callable[..., Awaitable[Report]]


def requests_of(report: Report) -> Requests:
    """What was sent, of a run that sent anything."""
    assert report.sections.requests is not None
    return report.sections.requests


def said(_line: str) -> None:
    """Nobody listens."""


def of_backend(backend: Backend) -> GateOptions:
    """What the gate is told of an independent backend."""
    return GateOptions(
        backend.url, backend.dsn, backend.free_model, backend.token, backend.email, level=Level.SMOKE
    )


def of_reference(process: Process, dsn: str) -> GateOptions:
    """What the gate is told of a replica of the reference."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT id, google_user_email FROM kilocode_users ORDER BY id LIMIT 1"
        ).fetchone()
    assert found is not None
    token = issue_token(found[0], SECRET)
    return GateOptions(process.origin, dsn, REFERENCE_MODEL, token, found[1], level=Level.SMOKE)


def with_status(report: Report, status: Status) -> set[str]:
    """Ids of the claims that have this status."""
    return {one.claim.id for one in report.judgements if one.status is status}


@pytest.fixture
def own_journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where journals that are not named lie: in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/rollout-harness/runs"


@pytest.fixture
def run_gate(tmp_path: Path) -> Judge:
    """Runs the gate: `await run_gate(options, **changes)`; its journal goes to the test's folder."""
    count = 0

    async def judge_one(options: GateOptions, **changes: object) -> Report:
        nonlocal count
        count += 1
        journal = tmp_path / f"{count}.jsonl"
        given = {"journal": journal, "watch_rows_s": 0.0, **changes}
        report = await judge_target(replace(options, **given), said)  # type: ignore[arg-type]
        read_text(to_json(report), "the report")  # what the gate writes holds together when it is read
        return report

    return judge_one


@pytest.fixture
def reference(rollout_backend: ReferenceBackend) -> GateOptions:
    """What the gate is told of the plugin's backend: the reference where the rollout has arrived, of all tests."""
    known = rollout_backend.parameters
    return GateOptions(
        rollout_backend.url,
        rollout_backend.dsn,
        known["model"],
        known["token"],
        known["email"],
        level=Level.SMOKE,
    )


@pytest.fixture
def judge_reference(reference: GateOptions, run_gate: Judge) -> Judge:
    """Judges the plugin's backend: `await judge_reference(max_requests=20)`."""

    async def judge_one(**changes: object) -> Report:
        return await run_gate(reference, **changes)

    return judge_one


@pytest.fixture
def judge_build(ready_dsn: str, start: StartReplica, run_gate: Judge) -> Judge:
    """Judges a build of the reference on a migrated database of its own: `await judge_build("limit-256")`."""

    async def judge_one(name: str, **changes: object) -> Report:
        return await run_gate(of_reference(await start(ready_dsn, name), ready_dsn), **changes)

    return judge_one
