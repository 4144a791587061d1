"""A server behind a DSN: only one's own databases come and go, and a server of no use is told in one line."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from harness.database.embedded import Embedded, embedded_server
from harness.database.server import running_server
from harness.errors import UnavailableError, UsageError
from tests.database.processes import eventually
from tests.fix_database import databases


@pytest.fixture(scope="module")
def theirs() -> Iterator[Embedded]:
    """Somebody's server with a role `guarded` that needs its password, and `plain` that may make no databases."""
    with embedded_server() as server:
        rules = server.directory / "data" / "pg_hba.conf"
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE guarded LOGIN CREATEDB PASSWORD 'right'")
            connection.execute("CREATE ROLE plain LOGIN")
            connection.execute("CREATE DATABASE precious")
            rules.write_text("local all guarded scram-sha-256\nlocal all all trust\n")
            connection.execute("SELECT pg_reload_conf()")
        eventually(lambda: _refuses_without_password(server) or None)
        yield server


def _refuses_without_password(server: Embedded) -> bool:
    try:
        psycopg.connect(dsn(server, "guarded")).close()
    except psycopg.OperationalError:
        return True
    return False


def dsn(server: Embedded, who: str = "postgres") -> str:
    return f"postgresql://{who}@/postgres?host={quote(str(server.socket))}"


@pytest.mark.parametrize("who", ["postgres", "guarded:right"])
def test_dsn_drops_its_own_databases_and_no_other(theirs: Embedded, who: str) -> None:
    before = databases(theirs.dsn("postgres"))
    assert "precious" in before
    with running_server(dsn(theirs, who)) as server:
        assert (server.kind, server.version) == ("dsn", theirs.version)
        left = server.create_database()
        with server.database(template=left) as clone, psycopg.connect(clone) as connection:
            assert len(databases(theirs.dsn("postgres"))) == len(before) + 2
            connection.execute("CREATE TABLE some_table ()")
    assert databases(theirs.dsn("postgres")) == before


def test_dsn_drops_its_databases_when_the_run_fails(theirs: Embedded) -> None:
    before = databases(theirs.dsn("postgres"))
    run = running_server(dsn(theirs))
    run.__enter__().create_database()
    assert databases(theirs.dsn("postgres")) != before
    assert not run.__exit__(ZeroDivisionError, ZeroDivisionError(), None), "the failure goes on"
    assert databases(theirs.dsn("postgres")) == before


def test_databases_that_stay_on_a_gone_server_are_named() -> None:
    with embedded_server() as brief:
        run = running_server(dsn(brief))
        name = run.__enter__().create_database()
    with pytest.raises(UnavailableError, match=f"cannot be reached any more; drop by hand: {name}"):
        run.__exit__(None, None, None)


def test_dsn_is_refused_with_the_wrong_password(theirs: Embedded) -> None:
    with pytest.raises(
        UnavailableError, match='password authentication failed for user "guarded"'
    ) as refusal:
        running_server(dsn(theirs, "guarded:wr0ng")).__enter__()
    assert "wr0ng" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_dsn_is_refused_without_the_right_to_create_databases(theirs: Embedded) -> None:
    with pytest.raises(
        UnavailableError, match=r"role plain may not create databases .* ALTER ROLE plain CREATEDB"
    ):
        running_server(dsn(theirs, "plain")).__enter__()


def test_dsn_is_refused_when_nobody_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(
            UnavailableError, match=rf"cannot connect to me@127.0.0.1:{port}/mine .*refused"
        ) as refusal:
            running_server(f"postgresql://me:secret@127.0.0.1:{port}/mine").__enter__()
    assert "secret" not in str(refusal.value)


def test_dsn_is_refused_in_time_when_nobody_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / ".s.PGSQL.5432"))
        mute.listen()
        with pytest.raises(UnavailableError, match="timeout expired"):
            running_server(f"postgresql://me@/mine?host={tmp_path}&connect_timeout=2").__enter__()


@pytest.mark.parametrize(
    "choice",
    [
        "postgresql://me:hid/den@127.0.0.1:5432/mine",
        "postgresql://me:hidden@127.0.0.1:port/mine",
        "postgresql://me:hidden@127.0.0.1/mine?unheard_of=1",
        "postgresql+psycopg://me:hidden@127.0.0.1/mine",
        "host=127.0.0.1 password=hidden",
        "embedded:sixteen",
        "embed",
        "",
    ],
)
def test_choice_is_refused_when_it_cannot_be_read(choice: str) -> None:
    with pytest.raises(UsageError) as refusal:
        running_server(choice).__enter__()
    assert not any(part in str(refusal.value) for part in ("hid", "den"))
