"""What the linter says of PostgreSQL is so on a real server, and what it tells to write runs there."""

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from harness.database import catalog
from harness.run.lint import lint_folder
from tests.checks.test_lint_files import ADD, BUILD, FILES, LOCK, C, T, written
from tests.checks.test_lint_layouts import CASES

ALL = {name: files for name, (files, _) in (*FILES.items(), *CASES.items())}


def test_every_remedy_runs_where_it_is_printed(tmp_path: Path, base_dsn: str) -> None:
    remedies = set()
    for number, files in enumerate(ALL.values()):
        path = tmp_path / str(number) / "migrations"
        path.mkdir(parents=True)
        remedies |= {
            (fault.rule, fault.remedy) for fault in lint_folder(written(path, files)).faults if fault.remedy
        }
    assert {rule for rule, _ in remedies} >= {
        "another-column", "another-index", "build-in-transaction", "lock-timeout-on-build", "no-lock-timeout",
        "squawk/require-lock-timeout", "statement-timeout-on-build",
    }  # fmt: skip
    with psycopg.connect(base_dsn, autocommit=True) as connection:
        for rule, remedy in sorted(remedies):
            connection.execute(f"ALTER TABLE {T} DROP COLUMN IF EXISTS {C}".encode())
            if rule != "another-column":
                connection.execute(ADD.encode())
            for statement in remedy:
                connection.execute(statement.encode())
            connection.execute("RESET ALL")


@pytest.mark.parametrize(
    ("text", "sqlstate"),
    [
        (f"\ufeff{ADD}", "42601"),
        (f"SET lock_timeout = 0;\n{ADD}{BUILD}", "25001"),
        (f"BEGIN;\n{ADD}{BUILD}", "25001"),
        (f"BEGIN;\n{ADD}COMMIT;\n{BUILD}", "25001"),
        (ADD.replace(T, "${t}"), "42601"),
        (ADD.replace(T, "{{t}}"), "42601"),
        (ADD.replace(" text", " text NOT NULL"), "23502"),
    ],
)
def test_postgres_refuses_it_as_the_linter_says(base_dsn: str, text: str, sqlstate: str) -> None:
    with psycopg.connect(base_dsn, autocommit=True) as connection:
        connection.execute(f"INSERT INTO {T} (id, message_id) VALUES (gen_random_uuid(), 'm')".encode())
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(text.encode())
    assert caught.value.sqlstate == sqlstate


def test_latin_1_in_a_comment_is_refused_by_the_server(base_dsn: str) -> None:
    with psycopg.connect(base_dsn, autocommit=True) as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(b"-- gr\xfc\xdfe\n" + ADD.encode())
    assert caught.value.sqlstate == "22021"


@pytest.mark.usefixtures("psql_on_path")
def test_psql_leaves_a_byte_order_mark_out(tmp_path: Path, base_dsn: str) -> None:
    file = tmp_path / "0005_a.sql"
    file.write_bytes(b"\xef\xbb\xbf" + (LOCK + ADD).encode())
    environment = {**os.environ, "PGCLIENTENCODING": "UTF8"}
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", base_dsn, "-f", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(base_dsn) as connection:
        assert catalog.exists(connection, T)
        connection.execute(f"SELECT {C} FROM {T}".encode())
