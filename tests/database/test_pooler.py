"""A pooler is recognised, idle or busy and with one connection, before a session of the server's own is relied on."""

import contextlib

import psycopg
import pytest
from click.testing import CliRunner

from harness.cli import app
from harness.database import pooler
from harness.database.pooler import Pooler, check_direct, is_shared, pooler_of
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.errors import UnavailableError, UsageError
from tests.fix_pgbouncer import Pooled

TRANSACTION, SESSION = Pooler


def kind_at(dsn: str) -> Pooler | None:
    with connect(dsn) as connection:
        return pooler_of(connection, dsn)


def test_the_server_itself_is_no_pooler(base_dsn: str) -> None:
    assert kind_at(base_dsn) is None


@pytest.mark.parametrize(
    ("pool_mode", "size", "settings", "kind"),
    [
        ("transaction", 1, {}, TRANSACTION),
        ("transaction", 5, {}, TRANSACTION),
        ("transaction", 5, {"server_round_robin": 1}, TRANSACTION),
        ("transaction", 1, {"server_reset_query_always": 1}, TRANSACTION),
        ("statement", 1, {}, TRANSACTION),
        ("statement", 5, {}, TRANSACTION),
        ("session", 1, {}, SESSION),
        ("session", 5, {}, SESSION),
        ("session", 5, {"server_round_robin": 1}, SESSION),
    ],
)
def test_an_idle_pooler_is_recognised(
    base_dsn: str, pooled: Pooled, pool_mode: str, size: int, settings: dict[str, object], kind: Pooler
) -> None:
    through = pooled(base_dsn, pool_mode, default_pool_size=size, **settings)
    assert [kind_at(through) for _ in range(2)] == [kind] * 2  # once it has no connection yet


@pytest.mark.parametrize("round_robin", [0, 1])
def test_a_pooler_with_idle_connections_is_recognised(
    base_dsn: str, pooled: Pooled, round_robin: int
) -> None:
    through = pooled(base_dsn, default_pool_size=5, server_round_robin=round_robin)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            client = stack.enter_context(psycopg.connect(through, autocommit=True))
            stack.enter_context(client.transaction())
    assert kind_at(through) is TRANSACTION


def test_a_pooler_is_recognised_while_others_use_it(base_dsn: str, pooled: Pooled) -> None:
    through = pooled(base_dsn, default_pool_size=2)
    with psycopg.connect(through) as other:
        other.execute("SELECT 1")  # holds one of the two
        assert kind_at(through) is TRANSACTION


def test_a_pooler_without_a_free_connection_is_told(
    base_dsn: str, pooled: Pooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooler, "REPLY_S_MAX", 0.2)
    through = pooled(base_dsn)
    with psycopg.connect(through) as other:
        other.execute("SELECT 1")
        with pytest.raises(UnavailableError, match="may have no free connection"):
            kind_at(through)


@pytest.mark.parametrize("pool_mode", ["transaction", "statement", "session"])
def test_looking_for_a_pooler_leaves_its_connection_as_found(
    base_dsn: str, pooled: Pooled, pool_mode: str
) -> None:
    through = pooled(base_dsn, pool_mode)

    before = _settings(through)
    kind_at(through)
    assert _settings(through) == before


@pytest.mark.parametrize("round_robin", [0, 1])
def test_sessions_with_transactions_show_a_pooler_by_themselves(
    base_dsn: str, pooled: Pooled, round_robin: int
) -> None:
    def shown(dsn: str) -> bool:
        with connect(dsn) as connection:
            found = connection.execute("SELECT pg_backend_pid()").fetchone()
            assert found is not None
            return is_shared(connection, found[0], dsn, others=1)

    assert shown(pooled(base_dsn, default_pool_size=1, server_round_robin=round_robin))
    assert shown(pooled(base_dsn, default_pool_size=5, server_round_robin=round_robin))
    assert not shown(base_dsn)
    assert not shown(pooled(base_dsn, "session", default_pool_size=5))


def test_only_session_mode_may_be_gone_on_through(base_dsn: str, pooled: Pooled) -> None:
    for pool_mode, allowed in (("session", True), ("transaction", False), ("statement", False)):
        through = pooled(base_dsn, pool_mode)
        told = pytest.raises(UsageError, match=r"a pooler in .* mode answers at here.*direct connection")
        with connect(through) as connection, told:
            check_direct(connection, through, "here")
        refused = contextlib.nullcontext() if allowed else pytest.raises(UsageError)
        with connect(through) as connection, refused:
            check_direct(connection, through, "here", session_pooler=True)


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and what is said, of a command in this process."""
    done = CliRunner().invoke(app, arguments, standalone_mode=False)
    if isinstance(done.exception, UsageError):
        return 2, str(done.exception)
    return done.return_value if done.exception is None else 99, f"{done.output}{done.exception or ''}"


@pytest.mark.parametrize("pool_mode", ["transaction", "session"])
def test_what_needs_a_session_is_refused_behind_a_pooler(
    base_dsn: str, pooled: Pooled, pool_mode: str
) -> None:
    through = pooled(base_dsn, pool_mode)
    before = _settings(through)
    usual = (
        ("migrate", "--to", "ready", "--database-url", through),
        ("prove", "--level", "smoke", "--postgres", through),
    )
    others: tuple[tuple[str, ...], ...] = (
        ("migrate", "--to", "base", "--rollback", "--database-url", through),
        ("rehearse", "--part", "locks", "--postgres", through),
        ("selftest", "--postgres", through),
        ("fuzz", "--examples", "1", "--postgres", through),
        ("serve", "--port", "0", "--postgres", through),
    )
    others = others[-1:] if pool_mode == "session" else others
    for command in (*usual, *others):
        code, said = run(*command)
        assert ("--session-pooler" in said) == (pool_mode == "session" and command in usual)
        assert (code, f"in {pool_mode} mode" in said, "direct connection" in said) == (2, True, True), said
    assert _settings(through) == before
    with connect(base_dsn) as connection:
        columns = connection.execute(
            "SELECT 1 FROM pg_attribute WHERE attname = 'posthog_distinct_id' AND attnum > 0"
        ).fetchall()
    assert columns == []


def test_migrate_goes_on_through_a_session_pooler_when_asked(base_dsn: str, pooled: Pooled) -> None:
    through = pooled(base_dsn, "session")
    before = _settings(through)
    code, said = run("migrate", "--to", "ready", "--database-url", through, "--session-pooler")
    assert (code, "state   ready" in said) == (0, True), said
    assert _settings(through) == before
    with pytest.raises(UsageError), running_server(through):
        pass


def test_databases_are_cloned_through_a_session_pooler(base_dsn: str, pooled: Pooled) -> None:
    through = pooled(base_dsn, "session", default_pool_size=5)  # keeps a connection to the template
    with (
        running_server(through, session_pooler=True) as server,
        Templates(server) as templates,
        templates.database(SchemaState.COLUMN) as clone,
        connect(clone) as connection,
    ):
        assert connection.execute("SELECT count(*) FROM microdollar_usage").fetchone() == (100,)


def test_failure_scenarios_run_through_a_session_pooler(base_dsn: str, pooled: Pooled) -> None:
    """Which refuses a connection that sets deadlock_timeout in its options: a session sets it by a statement."""
    through = pooled(base_dsn, "session", default_pool_size=20)
    code, said = run("rehearse", "--part", "traps", "--postgres", through, "--session-pooler")
    assert code == 0, said
    assert "the build ends with 40P01" in said
    assert "unsupported startup parameter" not in said


def _settings(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        return {name: value for name, value, _ in connection.execute("SHOW ALL")}
