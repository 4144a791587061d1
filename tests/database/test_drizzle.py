"""drizzle's folder of migrations, read and written."""

import json
from pathlib import Path

import pytest

from harness.database.drizzle import recorded, run_drizzle_like
from harness.database.drizzle_folder import Folder, JournalEntry
from harness.database.runners import connect
from harness.database.scripts import Script, StatementFailed
from harness.errors import UsageError
from tests.fix_database import exists

FOLDER = Folder(
    (Script("0000_a.sql", "CREATE TABLE a ();"), Script("0001_b.sql", "CREATE TABLE b ();")),
    (JournalEntry("0000_a", 10), JournalEntry("0001_b", 20)),
)


def test_folder_is_read_as_it_was_written(tmp_path: Path) -> None:
    FOLDER.write(tmp_path / "drizzle")
    assert Folder.read(tmp_path / "drizzle") == FOLDER


def test_folder_without_journal_has_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "0000_a.sql").write_text("SELECT 1;")
    assert Folder.read(tmp_path) == Folder((Script("0000_a.sql", "SELECT 1;"),), ())


@pytest.mark.parametrize("journal", ["no json", "[]", "{}", '{"entries": [{"tag": "a"}]}'])
def test_folder_is_refused_when_its_journal_is_none(tmp_path: Path, journal: str) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "_journal.json").write_text(journal)
    with pytest.raises(UsageError, match=r"_journal.json cannot be read \(\w+: .*drizzle-kit"):
        Folder.read(tmp_path)


def test_folder_is_refused_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of migrations"):
        Folder.read(tmp_path / "missing")


def test_pending_are_those_after_the_newest_whatever_ran_before() -> None:
    assert [entry.when for entry, _ in FOLDER.pending(None)] == [10, 20]
    assert [entry.when for entry, _ in FOLDER.pending(10)] == [20]
    assert FOLDER.pending(20) == ()


def test_pending_is_refused_for_an_entry_without_its_file() -> None:
    with pytest.raises(UsageError, match=r"names 0002_c, but there is no file 0002_c\.sql"):
        Folder(FOLDER.files, (JournalEntry("0002_c", 30),)).pending(None)


def test_runner_records_each_file_and_runs_none_twice(empty_dsn: str) -> None:
    run_drizzle_like(empty_dsn, FOLDER)
    run_drizzle_like(empty_dsn, FOLDER)
    with connect(empty_dsn) as connection:
        assert [when for _, when in recorded(connection)] == [10, 20]


def test_refusal_takes_every_pending_file_back(empty_dsn: str) -> None:
    broken = Folder(
        (FOLDER.files[0], Script("0001_b.sql", "CREATE TABLE b ();\n--> statement-breakpoint\nSELECT 1/0;")),
        FOLDER.journal,
    )
    with pytest.raises(StatementFailed) as caught:
        run_drizzle_like(empty_dsn, broken)
    assert (caught.value.file, caught.value.statement.number, caught.value.sqlstate) == (
        "0001_b.sql",
        2,
        "22012",
    )
    assert not exists(empty_dsn, "a")
    with connect(empty_dsn) as connection:
        assert recorded(connection) == []


def test_journal_is_written_as_drizzle_kit_writes_it(tmp_path: Path) -> None:
    FOLDER.write(tmp_path / "drizzle")
    journal = json.loads((tmp_path / "drizzle" / "meta" / "_journal.json").read_text())
    assert journal["dialect"] == "postgresql"
    assert journal["entries"][1] == {
        "idx": 1,
        "version": "7",
        "when": 20,
        "tag": "0001_b",
        "breakpoints": True,
    }
