"""Whatever goes away in mid-run, the gate ends in time, with a reason and with what it had seen."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from harness.database.server import Server
from harness.report.document import Report
from harness.rule.suite import Level
from harness.run.gate import judge_target
from harness.run.gate_parts import BATCH
from harness.run.progress import LineCallback, ProgressDisplay
from harness.verdict import Status, Verdict
from tests.fix_gate import of_reference, requests_of, said, with_status
from tests.fix_stack import StartReplica

LIMIT_S = 120.0


def once(act: Callable[[], None]) -> ProgressDisplay:
    """Acts when the first batch of requests has been sent."""

    @contextmanager
    def progress(_words: str) -> Iterator[LineCallback]:
        acted: list[str] = []

        def on_progress(words: str) -> None:
            if not acted:
                act()
            acted.append(words)

        yield on_progress

    return progress


def shut(server: Server, dsn: str, *, out: bool = True) -> None:
    """Lets nobody into a database any more and puts out whoever is in; or lets them in again."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not out}")
        if out:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(query, [name])


async def judged(
    dsn: str,
    start: StartReplica,
    tmp_path: Path,
    act: Callable[[int], None],
    build: str = "after",
    level: Level = Level.SMOKE,
    **changes: object,
) -> Report:
    process = await start(dsn, build)
    options = replace(
        of_reference(process, dsn),
        level=level,
        journal=tmp_path / "journal.jsonl",
        time_limit_s=LIMIT_S,
        **changes,  # type: ignore[arg-type]
    )
    return await judge_target(options, said, once(lambda: act(process.pid)))


async def test_a_database_that_dies_leaves_it_inconclusive(
    server: Server, ready_dsn: str, start: StartReplica, tmp_path: Path
) -> None:
    report = await judged(ready_dsn, start, tmp_path, lambda _: shut(server, ready_dsn))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.REFUTED) == set()
    assert any("database" in remark for remark in report.remarks)
    assert report.seconds < LIMIT_S
    shut(server, ready_dsn, out=False)  # the replica drains at once


async def test_a_database_that_dies_after_a_refutation_leaves_it_no_go(
    server: Server, ready_dsn: str, start: StartReplica, tmp_path: Path
) -> None:
    report = await judged(ready_dsn, start, tmp_path, lambda _: shut(server, ready_dsn), "insert-unchanged")
    assert report.verdict is Verdict.NO_GO
    shut(server, ready_dsn, out=False)


async def test_accounting_that_stops_for_good_leaves_it_inconclusive(
    ready_dsn: str, start: StartReplica, tmp_path: Path
) -> None:
    def refuse_rows(_pid: int) -> None:
        with psycopg.connect(ready_dsn, autocommit=True) as connection:
            connection.execute("ALTER TABLE microdollar_usage ADD CONSTRAINT none CHECK (false) NOT VALID")

    report = await judged(ready_dsn, start, tmp_path, refuse_rows, level=Level.SMOKE, wait_rows_s=1.0)
    assert report.verdict is Verdict.INCONCLUSIVE
    (rows,) = (one for one in report.judgements if one.claim.id == "R1")
    assert rows.status is Status.UNKNOWN
    assert "have no row" in rows.detail


async def test_a_killed_backend_leaves_it_inconclusive(
    ready_dsn: str, start: StartReplica, tmp_path: Path
) -> None:
    report = await judged(ready_dsn, start, tmp_path, lambda pid: os.kill(pid, signal.SIGKILL))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.REFUTED) == set()
    assert any("does not answer any more" in remark for remark in report.remarks)


async def test_a_backend_that_stops_answering_leaves_it_inconclusive(
    ready_dsn: str, start: StartReplica, tmp_path: Path
) -> None:
    stopped: list[int] = []

    def freeze(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        stopped.append(pid)

    try:
        report = await judged(ready_dsn, start, tmp_path, freeze, timeout_s=1.0)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.REFUTED) == set()
    assert any("no whole reply in 1 s" in remark for remark in report.remarks)


@pytest.mark.parametrize("left_s", [LIMIT_S / 10, 0.0])
async def test_the_time_limit_ends_it_with_what_was_seen(
    ready_dsn: str, start: StartReplica, tmp_path: Path, left_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    now = loop.time

    def go_on(_pid: int) -> None:
        monkeypatch.setattr(loop, "time", lambda: now() + LIMIT_S - left_s)

    report = await judged(ready_dsn, start, tmp_path, go_on, level=Level.EXHAUSTIVE)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert any("time limit" in remark for remark in report.remarks)
    assert requests_of(report).sent < 2 * BATCH
    assert sum(one.observed for one in report.judgements) > 0


async def test_nothing_is_sent_where_the_database_is_out_of_reach(
    ready_dsn: str, start: StartReplica, tmp_path: Path
) -> None:
    process = await start(ready_dsn, "after")
    options = replace(of_reference(process, ready_dsn), database_url="postgresql://me:geheim@127.0.0.1:1/x")
    journal = tmp_path / "journal.jsonl"
    report = await judge_target(replace(options, journal=journal), said)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert {one.status for one in report.judgements} == {Status.UNKNOWN}
    assert not journal.exists()
