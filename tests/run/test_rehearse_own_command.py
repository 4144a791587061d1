"""A migration of one's own from the command line: exit codes, one line for a mistake, nothing left when interrupted."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.command import HARNESS, harness_command, started
from tests.database.processes import awaited_end
from tests.test_cli import descendants

SCHEMA = "CREATE TABLE public.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);\n"
INDEX = "CREATE INDEX orders_note_idx ON orders (note);\n"
SECONDS_MAX = 60.0


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("schema.sql").write_text(SCHEMA)
    Path("0042_note.sql").write_text(INDEX)
    Path("0043_again.sql").write_text("ALTER TABLE orders ADD COLUMN note text;\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["0042_note.sql", "--part", "locks"], 0, "GO: 1 proven"),
        (["0043_again.sql", "--part", "locks"], 1, "42701 duplicate column"),
        (
            ["0044_missing.sql"],
            2,
            "harness: no migration 0044_missing.sql; name a file or a folder that is there",
        ),
        (["0042_note.sql", "--part", "matrix"], 2, "is rehearsed by --part locks and --part stalls"),
        (
            ["0042_note.sql", "--after", "0041.sql"],
            2,
            "--after 0041.sql is for a folder; 0042_note.sql is one file",
        ),
        (["0042_note.sql", "--statistics", "none.sql"], 2, "none.sql cannot be read: No such file"),
        (["0042_note.sql", "--writer", "none.sql"], 2, "none.sql cannot be read"),
    ],
    ids=["good", "bad", "no file", "another part", "no folder", "no statistics", "no writer"],
)
def test_exit_code_and_one_line_tell_what_came(words: list[str], code: int, said: str) -> None:
    ended = harness_command("rehearse", "--schema", "schema.sql", "--migration", *words)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    if code == 2:
        assert ended.stderr.count("\n") == 1


def test_dsn_in_a_report_is_masked() -> None:
    dsn = "postgresql://me:s3cret@127.0.0.1:1/shop"
    ended = harness_command(
        "rehearse",
        "--migration",
        "0042_note.sql",
        "--copy-schema",
        "--database-url",
        dsn,
        "--statistics",
        dsn,
    )
    assert ended.returncode == 3
    assert "me@127.0.0.1:1/shop" in ended.stderr
    assert "s3cret" not in ended.stdout + ended.stderr


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see a process's children")
def test_interrupt_while_rows_are_made_leaves_nothing() -> None:
    words = ["rehearse", "--migration", "0042_note.sql", "--schema", "schema.sql", "--rows", "5000000"]
    with started(*HARNESS, *words, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "making 5,000,000 rows" in line:
                break
        begun = descendants(process.pid)
        assert begun
        with awaited_end(*begun):
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130
    assert err.strip() == "harness: interrupted; everything that was started has been stopped"
