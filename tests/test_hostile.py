"""What a database is named, or says, is not acted upon by a terminal or a CI log; its remedies still run."""

import re
import sys

import pytest
from psycopg import sql

from harness import plan
from harness.cli import main
from harness.cli.streams import plain
from harness.database.runners import connect

pytestmark = pytest.mark.catalogue

T, C = plan.METADATA_TABLE, plan.COLUMN
HOSTILE = {
    "escape": "a\x1b[31mred",
    "title": "a\x1b]0;title\x07",
    "bell": "a\x07\x08\x7f",
    "newline": "a\n::error file=x::owned",
    "return": "a\rb",
    "tab": "a\tb",
    "c1": "a\x9b31m",
    "bidi": "a\u202eb\u2066c",
    "zero-width": "a\u200bb\ufeff",
    "separator": "a\u2028b\u2029c",
    "markup": "[bold red]<script>alert(1)</script>",
    "markdown": "`|**a**|`![x](y)",
    "quotes": "a\"b'c\\\\d",
    "template": "${{ secrets.X }} $(id) `id`",
    "long": "n" * 63,
    "command": "##[error]a",
}
COMMANDS = {
    "schema": ["schema"],
    "coverage": ["coverage"],
    "migrate": ["migrate", "--to", "column"],
    "rehearse": ["rehearse"],
    "gate": ["gate", "--target", "http://127.0.0.1:1", "--allow-host", "127.0.0.1"],
    "clean": ["clean", "--all-runs"],
}


def called(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["harness", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, told.out + told.err


def is_safe(text: str) -> bool:
    lines = text.split("\n")
    return all(
        line.replace("\t", " ").isprintable() and not re.match(r"\s*(::|##\[)", line) for line in lines
    )


@pytest.mark.parametrize("kind", HOSTILE)
def test_names_are_shown_in_escapes_and_mended(
    ready_dsn: str, kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = sql.Identifier(HOSTILE[kind])
    statements = (
        "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (length({column}) < 64)",
        "CREATE UNIQUE INDEX {name} ON {table} ({column}) WHERE {column} <> ''",
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        "CREATE RULE {name} AS ON INSERT TO {table} DO INSTEAD NOTHING",
    )
    with connect(ready_dsn) as connection:
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(T)))
        for statement in statements:
            given = {"table": sql.Identifier(T), "name": name, "column": sql.Identifier(C)}
            connection.execute(sql.SQL(statement).format(**given))
    code, told = called(capsys, monkeypatch, "schema", "--database-url", ready_dsn)
    assert (code, is_safe(told)) == (1, True)
    assert told.count("\n") == len(statements)  # a line each but for the function, and one for all
    with connect(ready_dsn) as connection:
        for line in told.splitlines():
            for statement in re.findall(r"; ((?:ALTER TABLE|DROP) .*?;)(?: --|$)", line):
                connection.execute(statement.encode())
    assert called(capsys, monkeypatch, "schema", "--database-url", ready_dsn)[0] == 0


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_refused_database_is_named_in_escapes(
    ready_dsn: str,
    command: str,
    kind: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in HOSTILE[kind].encode())
    place, _, more = ready_dsn.partition("?")
    dsn = f"{place.rpartition('/')[0]}/{quoted}?{more}"
    code, told = called(capsys, monkeypatch, *COMMANDS[command], "--database-url", dsn)
    assert (code in (2, 3), is_safe(told)) == (True, True), told


def test_a_line_of_a_server_is_no_command_to_the_runner() -> None:
    assert plain("a\n ::error::b\n##[group]c\x1b[0m") == "a\n \\::error::b\n\\##[group]c\\x1b[0m"
