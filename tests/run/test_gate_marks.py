"""Rows of earlier runs are told apart by the ids in their journals and by the mark of their requests."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from harness.clients.shape import PLAIN
from harness.probing.probe_factory import ProbeFactory, plan_caller
from harness.report.document import Report
from harness.rule.policy import STRICT
from harness.run.earlier import EarlierRuns, earlier_runs
from harness.sut.journal import Journal, journal_file
from harness.verdict import Status
from tests.fix_backends import independent
from tests.fix_gate import Judge, of_backend, of_reference, requests_of, with_status
from tests.fix_stack import StartReplica
from tests.run.test_gate_journal import exchange

pytestmark = pytest.mark.usefixtures("own_journals")

STARTED = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "http://backend.example"
ENOUGH = 160
"""Requests that leave values in the rows of a run."""


def agents(factory: ProbeFactory, agent: str | None) -> list[bytes]:
    shape = PLAIN.having("user-agent", agent)
    probes = [factory.control(shape), factory.repeat_of(factory.control(shape))]
    lines = [line for probe in probes for line in probe.request.headers]
    return [value for name, value in lines if name.lower() == b"user-agent"]


@pytest.mark.parametrize(
    ("agent", "sent"),
    [
        (None, [b"Kilo-Code/4.140.0 rollout-harness/RUN"] * 2),
        ("node", [b"node"] * 2),
        ("", []),
    ],
)
def test_requests_are_marked_where_the_agent_is_not_varied(agent: str | None, sent: list[bytes]) -> None:
    caller = plan_caller("some:free", STRICT, "after")
    assert agents(ProbeFactory(caller, 1, "rollout-harness/RUN"), agent) == sent
    assert b"rollout-harness" not in b"".join(agents(ProbeFactory(caller, 1), agent))


def noted(run: str, url: str, *ids: str) -> Path:
    file = journal_file(run)
    probe = ProbeFactory(plan_caller("some:free", STRICT, "after"), run=1).control()
    with Journal.open(file, run, url, STARTED) as journal:
        journal.sending([probe])
        journal.replied([exchange(probe, identity) for identity in ids])
    return file


def test_ids_are_those_of_the_journals_here_of_the_same_backend(tmp_path: Path) -> None:
    own = noted("20260301-120000-00000001", URL, "own")
    noted("20260301-120000-00000002", URL, "a", "b")
    noted("20260301-120000-00000003", "http://other.example", "c")
    journal_file("x").write_text("no journal")
    journal_file("y").write_bytes(b"\xff\x00")
    journal_file("z").mkdir()
    assert earlier_runs(URL, own) == EarlierRuns(frozenset({"a", "b"}), 1, 0)
    assert earlier_runs(URL + "/", own).ids == {"a", "b"}
    aside = tmp_path / "named.jsonl"
    with Journal.open(aside, "20260301-120000-00000004", URL, STARTED) as journal:
        journal.replied([exchange(ProbeFactory(plan_caller("m", STRICT, "after"), 1).control(), "d")])
    assert earlier_runs(URL, tmp_path / "new.jsonl").ids == {"own", "a", "b", "d"}


def test_what_is_read_of_journals_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        noted(f"20260301-120000-0000000{number}", URL, f"m{number}")
    monkeypatch.setattr("harness.run.earlier.IDS_MAX", 2)
    found = earlier_runs(URL, None)
    assert (len(found.ids), found.journals, found.unread) == (2, 2, 3)
    monkeypatch.setattr("harness.run.earlier.JOURNALS_MAX", 1)
    assert earlier_runs(URL, None).unread == 4


async def test_an_earlier_run_behind_a_proxy_does_not_refute_the_next(
    empty_dsn: str, run_gate: Judge
) -> None:
    """The earlier run's rows are at the proxy's address; only the ids of its journal tell that they are its."""
    with independent("flask", empty_dsn, mode="overwrites-forwarded-for", late_ms=(0, 20)) as backend:
        options = replace(of_backend(backend), max_requests=60)
        await run_gate(options)
        with psycopg.connect(empty_dsn) as connection:
            connection.execute("UPDATE microdollar_usage_metadata SET posthog_distinct_id = 'no good!'")
        report = await run_gate(options)
        assert "D1" not in with_status(report, Status.REFUTED)
        detail = next(one for one in report.judgements if one.claim.id == "D1").detail
        assert "of earlier runs" in detail
        lost = await run_gate(options, journal=journal_file("elsewhere"))
    assert "D1" in with_status(lost, Status.REFUTED)


def forget(report: Report) -> None:
    """Deletes the journal of a run."""
    Path(requests_of(report).journal).unlink()


async def test_rows_of_a_run_without_a_journal_are_told_by_its_mark(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    options = of_reference(await start(ready_dsn, "after"), ready_dsn)
    first = await run_gate(options, max_requests=ENOUGH)
    forget(first)
    with psycopg.connect(ready_dsn) as connection:
        connection.execute(
            "UPDATE microdollar_usage SET kilo_user_id = 'anon:10.0.0.9' WHERE kilo_user_id ~ '^anon:2001:db8'"
        )
        connection.execute(
            "DELETE FROM microdollar_usage_metadata WHERE http_user_agent_id IS DISTINCT FROM (SELECT "
            "http_user_agent_id FROM http_user_agent WHERE http_user_agent ~ 'rollout-harness/')"
        )
        marked = connection.execute(
            "UPDATE microdollar_usage_metadata SET posthog_distinct_id = 'no good!' "
            "WHERE posthog_distinct_id IS NOT NULL"
        ).rowcount
    assert marked > 20
    report = await run_gate(options, max_requests=ENOUGH)
    assert with_status(report, Status.REFUTED) == set()
    assert "D1" in with_status(report, Status.PROVEN)
