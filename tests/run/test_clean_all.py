"""Rows of runs without a journal are deleted where mark and address are there; nothing is deleted by a guess."""

from datetime import UTC, datetime

import psycopg
import pytest
from click.testing import CliRunner

from harness.cli.gate import clean as clean_command
from harness.errors import UnavailableError, UsageError
from harness.probing.probe_factory import ProbeFactory, plan_caller
from harness.rollout import load_rollout
from harness.rule.policy import STRICT
from harness.run.clean_all import clean_all
from harness.sut.journal import Journal, journal_file
from tests.fix_gate import Judge, of_reference, requests_of
from tests.fix_stack import StartReplica
from tests.run.test_gate_journal import counts

pytestmark = pytest.mark.usefixtures("own_journals")

RUN = "20260301-120000-0000000a"
OTHER = "20260301-120000-0000000b"
MARK = f"Kilo-Code/4.140.0 rollout-harness/{RUN}"
OURS = "anon:2001:db8::a:0:0:7"
THEIRS = "anon:10.0.0.9"


@pytest.fixture
def dsn(ready_dsn: str) -> str:
    """A migrated database without rows of users at addresses for documentation."""
    with psycopg.connect(ready_dsn) as connection:
        connection.execute("DELETE FROM microdollar_usage_metadata; DELETE FROM microdollar_usage")
    return ready_dsn


def put(dsn: str, user: str | None, agent: str | None, message_id: str = "m") -> None:
    """One request's rows; without user only metadata, without agent none."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT gen_random_uuid()").fetchone()
        assert row is not None
        if user is not None:
            connection.execute(
                "INSERT INTO microdollar_usage (id, kilo_user_id, cost, input_tokens, output_tokens, "
                "cache_write_tokens, cache_hit_tokens) VALUES (%s, %s, 0, 0, 0, 0, 0)",
                (row[0], user),
            )
        agent_id = None
        if agent is not None:
            connection.execute(
                "INSERT INTO http_user_agent (http_user_agent) VALUES (%s) ON CONFLICT DO NOTHING", (agent,)
            )
            found = connection.execute(
                "SELECT http_user_agent_id FROM http_user_agent WHERE http_user_agent = %s", (agent,)
            ).fetchone()
            assert found is not None
            agent_id = found[0]
        connection.execute(
            "INSERT INTO microdollar_usage_metadata (id, message_id, http_user_agent_id) VALUES (%s, %s, %s)",
            (row[0], message_id, agent_id),
        )


def run_command(dsn: str, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(clean_command, [*words, "--database-url", dsn], standalone_mode=False)
    code = 2 if isinstance(done.exception, UsageError) else done.return_value
    return code, done.output


def test_rows_are_listed_and_stay_until_somebody_says_yes(dsn: str) -> None:
    put(dsn, OURS, MARK)
    put(dsn, OURS, MARK)
    code, told = run_command(dsn, "--all-runs")
    assert code == 0
    assert f"run {RUN}: 2 rows, the last of " in told
    assert "nothing was deleted; --yes" in told
    assert counts(dsn) == (2, 2)
    code, told = run_command(dsn, "--all-runs", "--yes")
    assert (code, counts(dsn)) == (0, (0, 0))
    assert "deleted 2 rows of microdollar_usage and 2 of microdollar_usage_metadata" in told
    assert "no row has the mark" in run_command(dsn, "--all-runs")[1]


@pytest.mark.parametrize(
    ("user", "agent", "stays"),
    [
        (OURS, MARK, False),
        ("anon:192.0.2.1", MARK, False),
        ("anon:2001:db8::1", f"rollout-harness/{RUN}", False),
        (THEIRS, MARK, True),
        ("user-1", MARK, True),
        (None, MARK, True),
        (OURS, None, True),
        (OURS, "Kilo-Code/4.140.0", True),
        (OURS, f"{MARK}0", True),
        (OURS, MARK.upper(), True),
        (OURS, "rollout-harness/%", True),
        ("anon:192.0.20.1", MARK, True),
        (THEIRS, None, True),
    ],
)
def test_only_what_has_both_is_deleted(dsn: str, user: str | None, agent: str | None, stays: bool) -> None:
    put(dsn, user, agent)
    found = clean_all(dsn, load_rollout(), delete=True)
    assert counts(dsn) == ((user is not None) * stays, 1 * stays)
    half = stays and (user, agent) != (THEIRS, None)
    assert found.half == half
    code, told = run_command(dsn, "--all-runs")
    assert code == (3 if half else 0)
    with psycopg.connect(dsn) as connection:
        assert len(connection.execute(found.select.encode()).fetchall()) == half
    assert (found.select in told) is half


def test_rows_of_a_run_with_a_journal_are_left_to_it(dsn: str) -> None:
    factory = ProbeFactory(plan_caller("some:free", STRICT, "after"), run=10)
    probe = factory.control()
    with Journal.open(journal_file(RUN), RUN, "http://x", datetime(2026, 3, 1, tzinfo=UTC)) as journal:
        journal.sending([probe])
    put(dsn, f"anon:{probe.address}", MARK)
    put(dsn, f"anon:{probe.address}", None)
    put(dsn, "user-1", MARK)
    put(dsn, OURS, MARK.replace(RUN, OTHER))
    code, told = run_command(dsn, "--all-runs", "--yes")
    assert (code, counts(dsn)) == (0, (3, 3))
    assert f"run {RUN}: 1 rows" in told
    assert f"a journal is here: harness clean {RUN}" in told


def test_without_the_look_up_nothing_is_deleted(dsn: str) -> None:
    put(dsn, OURS, MARK)
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER TABLE http_user_agent RENAME TO agents")
    code, told = run_command(dsn, "--all-runs", "--yes")
    assert (code, counts(dsn)) == (3, (1, 1))
    assert "marks cannot be read" in told
    select = told[told.index("SELECT") :]
    with psycopg.connect(dsn) as connection:
        assert len(connection.execute(select.encode()).fetchall()) == 1


@pytest.mark.parametrize(
    "words", [(), ("--yes",), (RUN, "--all-runs"), (RUN, "--yes"), (RUN, "--all-runs", "--yes")]
)
def test_a_run_or_all_of_them_is_named(dsn: str, words: tuple[str, ...]) -> None:
    assert run_command(dsn, *words)[0] == 2


def test_a_database_that_refuses_is_no_answer(dsn: str) -> None:
    with pytest.raises(UnavailableError, match="nothing was deleted"):
        clean_all("postgresql://me:geheim@127.0.0.1:1/x", load_rollout(), delete=True)
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER TABLE microdollar_usage RENAME TO usage")
    with pytest.raises(UnavailableError, match="nothing was deleted"):
        clean_all(dsn, load_rollout(), delete=True)


async def test_without_its_journal_a_run_is_taken_back_where_sure(
    start: StartReplica, dsn: str, run_gate: Judge
) -> None:
    report = await run_gate(of_reference(await start(dsn, "after"), dsn), max_requests=200)
    name = str(requests_of(report).run)
    found = clean_all(dsn, load_rollout(), delete=True)
    (one,) = found.found
    assert (one.run, one.has_journal) == (name, False)
    assert one.rows > 100
    with psycopg.connect(dsn) as connection:
        assert len(connection.execute(found.select.encode()).fetchall()) == found.half > 0
    assert counts(dsn)[0] < one.rows
    assert clean_all(dsn, load_rollout(), delete=True).found == ()
