"""Files of a migration of one's own: by what name they are called, and how their tool sends them."""

from pathlib import Path

import pytest

from harness.run.own_files import read_own

ADD = "ALTER TABLE orders ADD COLUMN note text;\n"
GOOSE = f"-- +goose NO TRANSACTION\n-- +goose Up\n{ADD}-- +goose Down\nALTER TABLE orders DROP COLUMN note;\n"


@pytest.mark.parametrize(
    ("file", "text", "name", "summary"),
    [
        ("20_note/migration.sql", ADD, "20_note/migration.sql", "1 file (Prisma, as one message"),
        (
            "1700000000000_note/up.sql",
            ADD,
            "1700000000000_note/up.sql",
            "1 file (Hasura, in one transaction)",
        ),
        ("V9__note.sql", ADD, "V9__note.sql", "1 file (Flyway, in one transaction)"),
        ("005_note.sql", GOOSE, "005_note.sql", "1 file (goose, each statement by itself)"),
    ],
)
def test_file_is_named_and_sent_as_its_tool_does(
    tmp_path: Path, file: str, text: str, name: str, summary: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    own = read_own(path)
    assert own.name == name
    assert own.summary.startswith(summary)
    assert not any("DROP COLUMN" in statement.text for statement in own.statements)
