"""Both runners on real files: what they apply, what they report, and what they keep to themselves."""

import os
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from harness.database.runners import RUNNERS, Runner, connect, run_psql
from harness.database.scripts import Applied, Script, StatementFailed, statements_of
from harness.errors import UnavailableError, UsageError
from tests.fix_database import exists

TRICKY = r"""-- a header; with a semicolon
SET application_name = 'a;b';

/* a block; of comment */
DO $$ BEGIN PERFORM 1; END $$;
CREATE TABLE "odd;name" (id integer);
INSERT INTO "odd;name" SELECT CASE WHEN true THEN 1 END; -- trailing; words
CREATE FUNCTION two() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
BEGIN;
COMMIT
"""

HEADLINES = (
    "SET application_name = 'a;b';",
    "/* a block; of comment */",
    'CREATE TABLE "odd;name" (id integer);',
    'INSERT INTO "odd;name" SELECT CASE WHEN true THEN 1 END; -- trailing; words',
    "CREATE FUNCTION two() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;",
    "BEGIN;",
    "COMMIT",
)

pytestmark = pytest.mark.usefixtures("psql_on_path")

BROKEN = """CREATE TABLE first (id integer);

-- the next one fails
SELECT 1
FROM missing;
CREATE TABLE third (id integer);
"""


def test_statements_are_split_at_semicolons_that_end_them() -> None:
    found = statements_of(TRICKY)
    assert tuple(one.headline for one in found) == HEADLINES
    assert [one.number for one in found] == list(range(1, 8))
    assert [one.line_last for one in found] == [2, 5, 6, 7, 8, 9, 10]


def test_statements_are_none_in_a_file_of_comments() -> None:
    assert statements_of("-- nothing; here\n\n;\n-- nor here\n") == ()


@pytest.mark.parametrize("runner", Runner)
def test_runner_applies_every_statement_and_tells_each(runner: Runner, empty_dsn: str) -> None:
    told: list[Applied] = []
    RUNNERS[runner](empty_dsn, [Script("tricky.sql", TRICKY)], told.append)
    assert tuple(one.statement.headline for one in told) == HEADLINES
    assert {one.file for one in told} == {"tricky.sql"}
    assert all(0 < one.duration_ms < 10_000 for one in told)
    assert exists(empty_dsn, '"odd;name"')


@pytest.mark.parametrize("runner", Runner)
def test_runner_stops_at_a_failure_and_keeps_what_came_before(runner: Runner, empty_dsn: str) -> None:
    told: list[Applied] = []
    scripts = [Script("broken.sql", BROKEN), Script("never.sql", "CREATE TABLE fourth ()")]
    with pytest.raises(StatementFailed) as caught:
        RUNNERS[runner](empty_dsn, scripts, told.append)
    failed = caught.value
    assert (failed.file, failed.statement.number, failed.sqlstate) == ("broken.sql", 2, "42P01")
    assert failed.message == 'relation "missing" does not exist'
    assert failed.statement.headline == "SELECT 1"
    assert [one.statement.number for one in told] == [1]
    assert [exists(empty_dsn, name) for name in ("first", "third", "fourth")] == [True, False, False]


@pytest.mark.parametrize("runner", Runner)
def test_runner_forgets_settings_at_the_end_of_a_file(runner: Runner, empty_dsn: str) -> None:
    scripts = [
        Script("first.sql", "SET lock_timeout = '7s';"),
        Script("second.sql", "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS value;"),
    ]
    RUNNERS[runner](empty_dsn, scripts, lambda _: None)
    with connect(empty_dsn) as connection:
        assert connection.execute("SELECT value FROM seen").fetchone() == ("0",)


@pytest.mark.parametrize("runner", Runner)
def test_runner_cannot_run_when_nothing_listens(runner: Runner, tmp_path: Path) -> None:
    dsn = f"postgresql://someone:hidden@/nowhere?host={tmp_path}"
    with pytest.raises(UnavailableError) as caught:
        RUNNERS[runner](dsn, [Script("any.sql", "SELECT 1")], lambda _: None)
    message = str(caught.value)
    assert f"someone@{tmp_path}:5432/nowhere" in message
    assert "hidden" not in message
    assert "\n" not in message


def test_psql_runner_names_the_alternative_when_there_is_no_psql(
    empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"no program psql on PATH.*statements"):
        run_psql(empty_dsn, [Script("any.sql", "SELECT 1")], lambda _: None)


def test_psql_runner_keeps_the_password_off_the_command_line(
    empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "psql"
    spy.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\necho "$PGPASSWORD" > {tmp_path}/password\n'
    )
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    dsn = make_conninfo(empty_dsn, password="s3cret")
    run_psql(dsn, [Script("any.sql", "")], lambda _: None)
    assert "s3cret" not in (tmp_path / "arguments").read_text()
    assert (tmp_path / "password").read_text() == "s3cret\n"


def test_psql_runner_cannot_run_a_command_it_does_not_know(empty_dsn: str) -> None:
    with pytest.raises(StatementFailed) as caught:
        run_psql(empty_dsn, [Script("meta.sql", "SELECT 1;\n\\nonsense\n")], lambda _: None)
    assert caught.value.sqlstate == ""
    assert "nonsense" in caught.value.message


def test_connect_shows_nothing_of_a_dsn_that_it_cannot_read() -> None:
    with pytest.raises(UsageError) as caught:
        connect("postgresql://someone:hidden@[host/x")
    assert "hidden" not in str(caught.value)
