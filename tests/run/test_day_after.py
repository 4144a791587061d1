"""The day after a release: what is watched, by version and day, and that a backend rolled back is safe."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from rich.console import Console

from harness.cli.coverage_view import print_client_days
from harness.errors import UnavailableError
from harness.run.coverage import coverage
from harness.run.options.coverage import CoverageOptions
from harness.sut.client_versions import ClientDay, busiest, read_client_days
from harness.verdict import Status, Verdict
from tests.fix_gate import Judge, of_reference, with_status
from tests.fix_stack import StartReplica

OLD, NEW = "Kilo-Code/4.140.0", "Kilo-Code/4.141.0"
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
"""Of yesterday: the whole of its day is over."""


def add(dsn: str, client: str | None, days_ago: int, ids: Sequence[str | None]) -> None:
    """Rows of anonymous users with this user agent."""
    when = NOON - timedelta(days=days_ago)
    with psycopg.connect(dsn) as connection:
        agent = None
        if client is not None:
            (agent,) = connection.execute(
                "INSERT INTO http_user_agent (http_user_agent) VALUES (%s) ON CONFLICT (http_user_agent) "
                "DO UPDATE SET http_user_agent = EXCLUDED.http_user_agent RETURNING http_user_agent_id",
                (client,),
            ).fetchone() or (None,)
        for value in ids:
            (number,) = connection.execute(
                "INSERT INTO microdollar_usage (kilo_user_id, cost, input_tokens, output_tokens, "
                "cache_write_tokens, cache_hit_tokens, created_at) VALUES ('anon:192.0.2.1', 0, 1, 1, 0, 0, %s) "
                "RETURNING id",
                (when,),
            ).fetchone() or (None,)
            connection.execute(
                "INSERT INTO microdollar_usage_metadata (id, message_id, created_at, http_user_agent_id, "
                "posthog_distinct_id) VALUES (%s, 'm', %s, %s, %s)",
                (number, when, agent, value),
            )


def test_the_share_without_an_id_is_by_version_and_day(ready_dsn: str) -> None:
    add(ready_dsn, OLD, 1, [None] * 4)
    add(ready_dsn, OLD, 0, [None] * 2)
    add(ready_dsn, NEW, 0, ["a", "b", None, "c"])
    add(ready_dsn, None, 0, ["d"])
    found = read_client_days(ready_dsn, 7)
    yesterday, before = NOON.date(), (NOON - timedelta(days=1)).date()
    assert found == (
        ClientDay("", yesterday, 1, 0),
        ClientDay(OLD, before, 4, 4),
        ClientDay(OLD, yesterday, 2, 2),
        ClientDay(NEW, yesterday, 4, 1),
    )
    assert busiest(found, 2) == [OLD, NEW]
    text = io.StringIO()
    print_client_days(found, Console(file=text, width=120))
    (line,) = (line for line in text.getvalue().splitlines() if NEW in line)
    assert line.split() == [NEW, "-", "25.0", "of", "4"]


def test_watching_shows_both_until_it_is_interrupted(ready_dsn: str) -> None:
    add(ready_dsn, NEW, 0, ["a", None])
    seen: list[object] = []

    def show_clients(found: Sequence[ClientDay]) -> None:
        seen.append(found)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        coverage(CoverageOptions(ready_dsn, watch=True), seen.append, show_clients)
    assert len(seen) == 2
    once: list[object] = []
    assert coverage(CoverageOptions(ready_dsn), once.append, show_clients) is Verdict.GO
    assert len(once) == 1


def test_what_cannot_be_read_is_told_in_one_line(base_dsn: str) -> None:
    with pytest.raises(UnavailableError, match="cannot read the clients' versions") as refused:
        read_client_days(base_dsn, 7)
    assert "\n" not in str(refused.value)


async def test_a_backend_rolled_back_after_the_release_is_safe(
    ready_dsn: str, start: StartReplica, run_gate: Judge
) -> None:
    """The column and the index are there, the old build serves, and clients send the header: C1."""
    known = of_reference(await start(ready_dsn, "before"), ready_dsn)
    report = await run_gate(known, build="before")
    assert report.verdict is Verdict.GO
    assert "C1" in with_status(report, Status.PROVEN)
