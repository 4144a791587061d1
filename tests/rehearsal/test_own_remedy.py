"""A migration written anew: concurrent builds, and three steps where a table has parts. Pure, then on a server."""
# ruff: noqa: E501 -- a statement each

import pytest

from harness.database.runners import connect
from harness.database.server import Server
from harness.database.sql_statement import read_statement
from harness.rehearsal.own.parts import TablePart, parts_of
from harness.rehearsal.own.remedy import NAME_MAX, remedied, three_steps, written_as

LONG = "a" * 60


def remedy(*statements: str, there: bool = True) -> list[tuple[str, ...]]:
    return [file.statements for file in remedied(statements, lambda _: there, lambda _: ())]


def test_plain_index_becomes_a_concurrent_one_by_itself() -> None:
    assert remedy(
        "BEGIN;",
        "ALTER TABLE t ADD COLUMN a text;",
        "CREATE UNIQUE INDEX i ON t (a) WHERE a > 'b';",
        "COMMIT;",
    ) == [
        ("SET lock_timeout = '2s';", "ALTER TABLE t ADD COLUMN a text;"),
        ("SET lock_timeout = 0;", "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a) WHERE a > 'b';"),
    ]


def test_statements_after_an_index_stay_after_it() -> None:
    files = remedy("CREATE INDEX i ON t (a);", "UPDATE t SET a = b;", "CREATE INDEX j ON t (b);")
    assert [file[-1].split()[0] for file in files] == ["CREATE", "UPDATE", "CREATE"]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY i ON t (a);",
        "ALTER TABLE t ADD COLUMN a text;",
        "CREATE INDEX ON ONLY t (a);",
    ],
)
def test_what_holds_nobody_up_is_left_as_it_is(statement: str) -> None:
    assert remedy(statement) == []


def test_index_of_a_new_table_is_left_as_it_is() -> None:
    assert remedy("CREATE TABLE t (a text);", "CREATE INDEX i ON t (a);", there=False) == []


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        ("create index if not exists i on t(a)", "CREATE INDEX i ON t (a);"),
        ('CREATE UNIQUE INDEX CONCURRENTLY "I" ON ONLY "S"."T" USING gin (a);', 'CREATE UNIQUE INDEX "I" ON "S"."T" USING gin (a);'),
        ("CREATE INDEX ON s.t (lower(a), b DESC)\n  INCLUDE (c) WITH (fillfactor = 70)", "CREATE INDEX ON s.t (lower(a), b DESC) INCLUDE (c) WITH (fillfactor = 70);"),
        ("CREATE INDEX i ON t (a) WHERE a > 'x  -- y';", "CREATE INDEX i ON t (a) WHERE a > 'x  -- y';"),
    ],
)  # fmt: skip
def test_index_is_written_as_it_was_read(statement: str, written: str) -> None:
    assert written_as(read_statement(statement)) == written


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE t (a text)", "REINDEX INDEX i", "DROP INDEX i", "CREATE INDEX"]
)
def test_another_statement_is_no_index(statement: str) -> None:
    assert not read_statement(statement).builds


def test_names_of_parts_indexes_fit_and_differ() -> None:
    parts = [TablePart(n, 1, "public", f"{LONG}{n}", f"{LONG}{n}", True, "", "h", ()) for n in (2, 3)]
    index = read_statement("CREATE INDEX an_index_of_some_length ON t (a)")
    names = [statements[1].split()[3] for _, _, statements in three_steps(index, parts)[1:-1]]
    assert len(set(names)) == 2
    assert max(map(len, names)) == NAME_MAX


def test_three_steps_make_a_valid_index_on_parts_of_parts(server: Server) -> None:
    schema = """
        CREATE SCHEMA "S"; CREATE TABLE "S"."T" (a int, b text) PARTITION BY LIST (a);
        CREATE TABLE "S".one PARTITION OF "S"."T" FOR VALUES IN (1) PARTITION BY LIST (b);
        CREATE TABLE public."order" PARTITION OF "S".one FOR VALUES IN ('x');
        CREATE TABLE "S".two PARTITION OF "S"."T" FOR VALUES IN (2)"""
    with server.database() as dsn, connect(dsn) as connection:
        connection.execute(schema)
        row = connection.execute("""SELECT '"S"."T"'::regclass::oid::int8""").fetchone()
        assert row is not None
        parts = parts_of(connection, row[0])
        files = remedied(['CREATE INDEX "I" ON "S"."T" (b);'], lambda _: True, lambda _: parts)
        for file in files:
            for statement in file.statements:
                connection.execute(statement.encode())
        found = connection.execute(
            "SELECT count(*), bool_and(indisvalid) FROM pg_index JOIN pg_class ON oid = indexrelid "
            "WHERE relname LIKE '%I'"
        ).fetchone()
    assert found == (4, True)
    assert [file.name[:2] for file in files] == ["01", "02", "03", "04"]


CHECKED = "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0 AND b IN (1, 2))"
KEYED = 'ALTER TABLE ONLY "S".t ADD CONSTRAINT "C" FOREIGN KEY (a) REFERENCES u (id) ON DELETE CASCADE;'


def test_constraint_is_added_then_validated() -> None:
    assert remedy(f"{CHECKED};") == [
        ("SET lock_timeout = '2s';", f"{CHECKED} NOT VALID;"),
        ("SET lock_timeout = '2s';", "ALTER TABLE t VALIDATE CONSTRAINT c;"),
    ]
    assert [file[1] for file in remedy(KEYED)] == [
        'ALTER TABLE "S".t ADD CONSTRAINT "C" FOREIGN KEY (a) REFERENCES u (id) ON DELETE CASCADE NOT VALID;',
        'ALTER TABLE "S".t VALIDATE CONSTRAINT "C";',
    ]


@pytest.mark.parametrize(
    "statement",
    [
        f"{CHECKED} NOT VALID;",
        f"{CHECKED}, ADD COLUMN d int;",
        "ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER COLUMN b SET NOT NULL;",
        "ALTER TABLE t ADD CONSTRAINT c UNIQUE (a);",
        "ALTER TABLE t ADD CHECK (a > 0);",
        "ALTER TABLE t ALTER COLUMN a DROP NOT NULL;",
    ],
)
def test_other_changes_of_a_table_are_left_as_they_are(statement: str) -> None:
    assert remedy(statement) == []


def test_not_null_is_set_behind_a_valid_check(server: Server) -> None:
    files = remedy('ALTER TABLE t ALTER "A b" SET NOT NULL;')
    assert [file[1].split(" ", 3)[3].partition(" CHECK")[0] for file in files] == [
        'ADD CONSTRAINT "t_A b_not_null"',
        'VALIDATE CONSTRAINT "t_A b_not_null";',
        'ALTER COLUMN "A b" SET NOT NULL;',
        'DROP CONSTRAINT "t_A b_not_null";',
    ]
    with server.database() as dsn, connect(dsn) as connection:
        connection.execute('CREATE TABLE t ("A b" int); INSERT INTO t VALUES (1)')
        for file in files:
            for statement in file:
                connection.execute(statement.encode())
        (is_set,) = connection.execute(
            "SELECT attnotnull FROM pg_attribute WHERE attname = 'A b'"
        ).fetchone() or (None,)
    assert is_set is True
