"""Layouts of further tools, placeholders, encodings and settings in file order: what is a fault, and what not judged."""
# ruff: noqa: E501 -- a file each

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.schema import schema
from harness.errors import UnavailableError
from harness.run.lint import lint_folder
from harness.run.options.schema import SchemaOptions
from harness.run.schema import check_schema
from tests.checks.test_lint_files import ADD, BUILD, DOWN, INDEX, LOCK, C, T, written

ALTER_AGAIN = f"ALTER TABLE {T} ALTER COLUMN {C} SET STATISTICS 500;\n"
IN, NONE, COLUMN, UTF8 = "build-in-transaction", "not-judged", "another-column", "not-utf-8"
Files = dict[str, str | bytes]


def schema_of(name: str) -> str:
    return ADD.replace(f"TABLE {T}", f"TABLE {name}.{T}")


def column(definition: str) -> Files:
    return {"0005_a.sql": LOCK + ADD.replace(" text;", f" {definition};")}


PLACEHOLDERS: dict[str, tuple[Files, list[str]]] = {
    "Flyway's schema": ({"V5__a.sql": LOCK + schema_of("${schema}")}, []),
    "Flyway's schema in quotes": ({"V5__a.sql": LOCK + schema_of('"${flyway:defaultSchema}"')}, []),
    "Flyway's table": ({"V5__a.sql": LOCK + ADD.replace(T, "${table}")}, [NONE]),
    "Flyway's timeout": ({"V5__a.sql": "SET lock_timeout = ${wait};\n" + ADD}, [NONE]),
    "Flyway's owner": ({"V5__a.sql": LOCK + ADD + "ALTER TABLE x OWNER TO ${owner};\n"}, []),
    "Flyway's in a comment": ({"V5__a.sql": "-- ${schema}\n" + LOCK + ADD}, []),
    "Flyway's in a text": ({"V5__a.sql": LOCK + ADD + f"COMMENT ON COLUMN {T}.{C} IS '${{text}}';\n"}, []),
    "Liquibase's schema": ({"a.sql": f"--liquibase formatted sql\n--changeset me:1\n{LOCK}{schema_of('${schema}')}"}, []),
    "no tool's dollar": ({"0005_a.sql": LOCK + schema_of("${schema}")}, [NONE]),
    "no tool's colon": ({"0005_a.sql": LOCK + schema_of(":schema")}, [NONE]),
    "no tool's braces": ({"0005_a.sql": LOCK + schema_of("{{schema}}")}, [NONE]),
    "no tool's percent": ({"0005_a.sql": LOCK + schema_of("%(schema)s")}, [NONE]),
    "no tool's at": ({"0005_a.sql": LOCK + schema_of("@extschema@")}, [NONE]),
    "no tool's hash": ({"0005_a.sql": LOCK + schema_of("#{schema}")}, [NONE]),
    "no tool's ERB": ({"0005_a.sql": LOCK + schema_of("<%= schema %>")}, [NONE]),
    "psql's by \\set": ({"0005_a.sql": "\\set schema public\n" + LOCK + schema_of(":schema")}, []),
    "psql's in quotes": ({"0005_a.sql": "\\set schema public\n" + LOCK + schema_of(':"schema"')}, []),
    "psql's value": ({"0005_a.sql": f"\\set wait 2s\nSET lock_timeout = :'wait';\n{ADD}"}, [NONE]),
    "psql's include": ({"0005_a.sql": f"\\i more.sql\n{LOCK}{ADD}"}, [NONE]),
    "psql's commands alone": ({"0005_a.sql": f"\\set ON_ERROR_STOP on\n\\timing\n{LOCK}{ADD}"}, []),
    "a cast and a slice": ({"0005_a.sql": f"{LOCK}{ADD}SELECT {C}::text, (ARRAY[1,2])[1:2] FROM {T};\n"}, []),
    "drizzle knows none": ({"0005_a.sql": LOCK + schema_of("${schema}"), "meta/_journal.json": '{"entries": [{"tag": "0005_a", "when": 1}]}'}, [NONE]),
    "goose's": ({"5_a.sql": f"-- +goose Up\n-- +goose ENVSUB ON\n{LOCK}{schema_of('${SCHEMA}')}-- +goose Down\n{DOWN}"}, []),
    "goose without ENVSUB": ({"5_a.sql": f"-- +goose Up\n{LOCK}{schema_of('${SCHEMA}')}"}, [NONE]),
    "tern's": ({"005_a.sql": f"{LOCK}{schema_of('{{.schema}}')}---- create above / drop below ----\n{DOWN}"}, []),
    "graphile-migrate's": ({"current.sql": f"--! no-transaction\n{schema_of(':SCHEMA')}"}, ["squawk/require-lock-timeout"]),
    "a fault beside one": ({"0005_a.sql": LOCK + schema_of(":schema") + BUILD}, ["lock-timeout-on-build", NONE]),
}  # fmt: skip
LAYOUTS: dict[str, tuple[Files, list[str]]] = {
    "tern": ({"005_a.sql": f"{LOCK}{ADD}---- create above / drop below ----\n{DOWN}"}, []),
    "tern in a transaction": ({"006_b.sql": f"{BUILD}---- create above / drop below ----\n{DOWN}"}, [IN]),
    "tern without one": ({"006_b.sql": f"---- tern: disable-tx ----\n{BUILD}---- create above / drop below ----\n{DOWN}"}, []),
    "Atlas": ({"atlas.sum": "h1:", "20260101120000.sql": LOCK + ADD, "20260101120001_i.sql": f"-- atlas:txmode none\n\n{BUILD}"}, []),
    "Atlas in a transaction": ({"atlas.sum": "h1:", "20260101120001_i.sql": BUILD}, [IN]),
    "sqitch": ({"sqitch.plan": "%project=x\n\ncol 2026-01-01T00:00:00Z me <m> # a\nidx [col] 2026\n", "deploy/col.sql": f"BEGIN;\nSET LOCAL lock_timeout = '2s';\n{ADD}COMMIT;\n", "deploy/idx.sql": BUILD, "revert/col.sql": DOWN, "verify/col.sql": f"SELECT {C} FROM {T};"}, []),
    "sqitch's unplanned": ({"sqitch.plan": "%project=x\n", "deploy/col.sql": LOCK + ADD}, ["not-planned"]),
    "sqitch below the folder its settings name": ({"sqitch.plan": "col 2026\n", "sqitch.conf": "[core]\n\tengine = pg\n\t# plan_file = sqitch.plan\n\ttop_dir = ./sql\n", "sql/deploy/col.sql": ADD, "sql/revert/col.sql": DOWN}, ["squawk/require-lock-timeout"]),
    "sqitch's folder of scripts alone": ({"../sqitch.plan": "idx 2026\n", "../sqitch.conf": "[core]\n\ttop_dir = ./migrations\n", "deploy/col.sql": LOCK + ADD}, ["not-planned"]),
    "sqitch with a template's colon": ({"sqitch.plan": "col 2026\n", "deploy/col.sql": LOCK + schema_of(":schema")}, []),
    "Hasura": ({"1700000000000_a/up.sql": LOCK + ADD, "1700000000000_a/down.sql": DOWN}, []),
    "Hasura below its database": ({"default/1700000000001_b/up.sql": BUILD, "default/1700000000001_b/down.sql": DOWN}, [IN]),
    "folders of an unknown tool": ({"step-1/up.sql": LOCK + ADD, "step-1/down.sql": DOWN}, ["no-number"]),
    "a build in an unknown tool's folder": ({"12_b/up.sql": BUILD, "12_b/down.sql": DOWN}, [NONE]),
    "dbmate's two statements": ({"20260101_b.sql": f"-- migrate:up transaction:false\nSET lock_timeout = 0;\n{BUILD}-- migrate:down\n{DOWN}"}, [IN]),
    "node-pg-migrate in a transaction": ({"17_b.sql": f"-- Up Migration\n{BUILD}-- Down Migration\n{DOWN}"}, [IN]),
    "graphile-migrate": ({"current.sql": "", "committed/000001.sql": f"--! Previous: -\n--! Hash: sha1:0\n\n{LOCK}{ADD}", "committed/000002.sql": f"--! Previous: sha1:0\n--! Hash: sha1:1\n\n--! no-transaction\n{BUILD}"}, []),
    "graphile-migrate in a transaction": ({"committed/000002.sql": f"--! Previous: sha1:0\n\n{BUILD}"}, [IN]),
    "Play": ({"5.sql": f"# --- !Ups\n{LOCK}{ADD}\n# --- !Downs\n{DOWN}"}, []),
    "marks of an unknown tool": ({"0005_a.sql": f"-- up\n{LOCK}{ADD}\n-- down\n{DOWN}"}, []),
    "a build between unknown marks": ({"0005_a.sql": f"--- migration:up\n{BUILD}\n--- migration:down\n{DOWN}"}, [NONE]),
    "a way down in comments alone": ({"0005_a.sql": f"{LOCK}{ADD}-- rollback\n-- {DOWN.splitlines()[0]}\n"}, []),
    "down by a suffix alone": ({"0005_a.sql": LOCK + ADD, "0005_a.down.sql": DOWN, "0006_b.rollback.sql": DOWN}, []),
    "scale_down goes up": ({"0005_scale_down.sql": ADD}, ["squawk/require-lock-timeout"]),
    "sqlx": ({"../Cargo.toml": "", "20260101_b.sql": BUILD}, [IN]),
    "Flyway with settings": ({"V7__a.sql": f"SELECT 1;\n{BUILD}", "V7__a.sql.conf": "executeInTransaction=false\n"}, []),
    "Rails' structure": ({"structure.sql": f"CREATE TABLE {T} ({C} uuid);\nCREATE INDEX i ON {T} ({C});\n", "0005_a.sql": LOCK + ADD}, []),
    "dbmate's dump": ({"schema.sql": f"CREATE INDEX i ON {T} ({C});\n", "0005_a.sql": LOCK + ADD}, []),
    "a dump alone": ({"structure.sql": f"CREATE INDEX i ON {T} ({C});\n"}, ["no-migration"]),
    "another database's dump": ({"animals_structure.sql": f"CREATE INDEX i ON {T} ({C});\n", "0005_a.sql": LOCK + ADD}, []),
    "a migration called schema": ({"0005_schema.sql": ADD}, ["squawk/require-lock-timeout"]),
    "Flyway's first, called schema": ({"V1__initial_schema.sql": ADD}, ["squawk/require-lock-timeout"]),
    "Rails' Ruby": ({"20260101_a.rb": f"add_column :{T}, :{C}, :text\n"}, [NONE]),
    "Django's Python": ({"0005_a.py": f"# x\nname='{C}'\n"}, [NONE]),
    "Django's SQL": ({"0005.sql": f'BEGIN;\n--\n-- Add field\n--\nALTER TABLE "{T}" ADD COLUMN "{C}" text NULL;\nCOMMIT;\n'}, ["squawk/require-lock-timeout"]),
    "Liquibase's XML": ({"a.xml": f"<addColumn tableName='{T}'><column name='{C}'/></addColumn>"}, [NONE]),
    "Liquibase: free for its changeset alone": ({"a.sql": f"--liquibase formatted sql\n--changeset me:1 runInTransaction:false\nSELECT 1;\n--changeset me:2\n{BUILD}"}, [IN]),
    "Liquibase: each as it says": ({"a.sql": f"--liquibase formatted sql\n--changeset me:1\nSET LOCAL lock_timeout = '2s';\n{ADD}--changeset me:2 runInTransaction:false\n{BUILD}"}, []),
    "Liquibase: a session's setting goes on": ({"a.sql": f"--liquibase formatted sql\n--changeset me:1\n{LOCK}{ADD}--changeset me:2 runInTransaction:false\n{BUILD}"}, ["lock-timeout-on-build"]),
    "Liquibase: another database's": ({"a.sql": f"--liquibase formatted sql\n--changeset me:1 dbms:mysql\n{BUILD}--changeset me:2\n{LOCK}{ADD}"}, []),
    "Liquibase: one message": ({"a.sql": f"--liquibase formatted sql\n--changeset me:1 runInTransaction:false splitStatements:false\nSET lock_timeout = 0;\n{BUILD}"}, [IN]),
    "a message's own transaction": ({"000007_a.up.sql": f"BEGIN;\nSET LOCAL lock_timeout = '2s';\n{ADD}COMMIT;\n"}, []),
    "a build behind a message's COMMIT": ({"000007_a.up.sql": f"BEGIN;\nSET LOCAL lock_timeout = '2s';\n{ADD}COMMIT;\n{BUILD}"}, [IN]),
    "Supabase": ({"../supabase/config.toml": "", "20260101120001_i.sql": BUILD}, []),
}  # fmt: skip
COLUMNS: dict[str, tuple[Files, list[str]]] = {
    definition: (column(definition), expected)
    for definition, expected in {
        "text": [], "TEXT NULL": [], "text DEFAULT NULL": [], '"text"': [], "pg_catalog.text": [], 'text COLLATE "default"': [],
        "uuid": [COLUMN], "text[]": [COLUMN], "text NOT NULL": [COLUMN], "text DEFAULT ''": [COLUMN], "text NOT NULL DEFAULT 'x'": [COLUMN],
        "varchar(64)": [COLUMN], "varchar(255)": [COLUMN], "varchar": [COLUMN], "char(36)": [COLUMN], "citext": [COLUMN], "jsonb": [COLUMN],
        "text UNIQUE": [COLUMN], "text CHECK (length(posthog_distinct_id) < 9)": [COLUMN], "text REFERENCES persons (id)": [COLUMN],
        "text GENERATED ALWAYS AS (message_id) STORED": [COLUMN], 'text COLLATE "C"': [COLUMN], "uuid DEFAULT gen_random_uuid()": [COLUMN],
        "text, ADD COLUMN other bigint": [], "text, ALTER COLUMN posthog_distinct_id SET NOT NULL": [COLUMN],
    }.items()
}  # fmt: skip
SETTINGS: dict[str, tuple[Files, list[str]]] = {
    "bare after a build": ({"0006_b.sql": f"{BUILD}{ALTER_AGAIN}"}, ["no-lock-timeout"]),
    "off for the build, and not on again": ({"0006_b.sql": f"SET lock_timeout = 0;\n{BUILD}{ALTER_AGAIN}"}, ["no-lock-timeout"]),
    "on again": ({"0006_b.sql": f"SET lock_timeout = 0;\n{BUILD}{LOCK}{ALTER_AGAIN}"}, []),
    "reset before": ({"0005_a.sql": f"{LOCK}RESET lock_timeout;\n{ADD}"}, ["no-lock-timeout"]),
    "local, and its transaction over": ({"0005_a.sql": f"BEGIN;\nSET LOCAL lock_timeout = '2s';\n{ADD}COMMIT;\n{ALTER_AGAIN}"}, ["no-lock-timeout"]),
    "local outside a transaction": ({"0005_a.sql": f"SET LOCAL lock_timeout = '2s';\n{ADD}"}, ["no-lock-timeout"]),
    "rolled back": ({"0005_a.sql": f"BEGIN;\n{LOCK}ROLLBACK;\n{ADD}"}, ["no-lock-timeout"]),
    "committed": ({"0005_a.sql": f"BEGIN;\n{LOCK}COMMIT;\n{ADD}"}, []),
    "by set_config": ({"0005_a.sql": f"SELECT set_config('lock_timeout', '2s', false);\n{ADD}"}, []),
    "by set_config, local": ({"0005_a.sql": f"SELECT set_config('lock_timeout', '2s', true);\n{ADD}"}, ["squawk/require-lock-timeout"]),
    "a drop of the index": ({"0006_b.sql": f"{BUILD}DROP INDEX {INDEX};\n"}, ["no-lock-timeout", "squawk/require-concurrent-index-deletion"]),
    "another table's": ({"0006_b.sql": f"{BUILD}COMMENT ON TABLE {T} IS 'x';\n"}, []),
    "a table made here": ({"0001_a.sql": f"CREATE TABLE {T} (id bigint PRIMARY KEY);\nALTER TABLE {T} ADD COLUMN {C} text;\n"}, []),
}  # fmt: skip
BOM, JOURNAL = b"\xef\xbb\xbf", '{"entries": [{"tag": "0005_a", "when": 1}]}'
LATIN = ("-- gr\xfc\xdfe\n" + LOCK + ADD).encode("latin-1")
ENCODINGS: dict[str, tuple[Files, list[str]]] = {
    "a mark for psql": ({"0005_a.sql": BOM + (LOCK + ADD).encode()}, []),
    "a mark for Flyway": ({"V5__a.sql": BOM + (LOCK + ADD).encode()}, []),
    "a mark for drizzle": ({"0005_a.sql": BOM + (LOCK + ADD).encode(), "meta/_journal.json": JOURNAL}, [UTF8]),
    "a mark for Prisma": ({"20260101_a/migration.sql": BOM + (LOCK + ADD).encode()}, [UTF8]),
    "a mark for golang-migrate": ({"000005_a.up.sql": BOM + (LOCK + ADD).encode()}, [UTF8]),
    "UTF-16 for Liquibase": ({"a.sql": f"--liquibase formatted sql\n--changeset me:1\n{LOCK}{ADD}".encode("utf-16")}, []),
    "UTF-16 for Flyway": ({"V5__a.sql": (LOCK + ADD).encode("utf-16")}, [UTF8]),
    "UTF-32": ({"0005_a.sql": (LOCK + ADD).encode("utf-32")}, [UTF8]),
    "Latin-1 for psql": ({"0005_a.sql": LATIN}, [UTF8]),
    "Latin-1 that is said": ({"0005_a.sql": b"SET client_encoding = 'LATIN1';\n" + LATIN}, []),
    "Latin-1 said too late": ({"0005_a.sql": LATIN + b"SET client_encoding = 'LATIN1';\n"}, [UTF8]),
    "Latin-1 in a comment for drizzle": ({"0005_a.sql": LATIN, "meta/_journal.json": JOURNAL}, []),
    "Latin-1 in a text for drizzle": ({"0005_a.sql": (LOCK + ADD).encode() + f"COMMENT ON COLUMN {T}.{C} IS 'gr".encode() + b"\xfc\xdfe';\n", "meta/_journal.json": JOURNAL}, [UTF8]),
    "Latin-1 for Prisma": ({"20260101_a/migration.sql": LATIN}, [UTF8]),
    "UTF-8 beyond ASCII": ({"0005_a.sql": "-- grüße 🚀\n" + LOCK + ADD}, []),
}  # fmt: skip
CASES = {
    f"{kind}: {name}": case
    for kind, cases in (
        ("placeholder", PLACEHOLDERS), ("layout", LAYOUTS), ("column", COLUMNS), ("setting", SETTINGS), ("encoding", ENCODINGS)
    )
    for name, case in cases.items()
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_told_of_files(tmp_path: Path, name: str) -> None:
    files, expected = CASES[name]
    path = tmp_path / "migrations"
    path.mkdir()
    written(path, files)
    found = lint_folder(path)
    rules = [each.rule for each in (*found.faults, *found.not_judged)]
    assert rules == expected, [each.describe() for each in (*found.faults, *found.not_judged)]
    # Each says where, and what to write or do.
    assert all(each.line for each in found.faults if each.rule != "no-migration")
    assert all(each.advice or each.remedy for each in found.faults)


def test_lines_of_later_changesets_are_those_of_the_file(tmp_path: Path) -> None:
    text = f"--liquibase formatted sql\n--changeset me:1 runInTransaction:false\n{BUILD}\n--changeset me:2\n{BUILD}"
    (fault,) = lint_folder(written(tmp_path, {"a.sql": text})).faults
    assert (fault.rule, fault.line) == (IN, 6)


def test_a_placeholder_is_named_with_its_line(tmp_path: Path) -> None:
    (unjudged,) = lint_folder(written(tmp_path, {"0005_a.sql": LOCK + schema_of("${schema}")})).not_judged
    assert unjudged.describe().startswith("0005_a.sql:2 not-judged: not judged: placeholder: ${schema} ")


def test_no_verdict_where_nothing_else_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    written(tmp_path, {"0005_a.sql": LOCK + schema_of("${schema}")})
    with pytest.raises(UnavailableError, match=r"no verdict on .*0005_a\.sql:2"):
        check_schema(SchemaOptions(database_url=None, migrations=tmp_path), said.append)
    assert any("not judged: placeholder" in line for line in said)


def test_a_fault_is_a_verdict_beside_what_is_not_judged(tmp_path: Path) -> None:
    written(tmp_path, {"0005_a.sql": LOCK + schema_of("${schema}") + BUILD})
    assert (
        CliRunner().invoke(schema, ["--migrations", str(tmp_path)], standalone_mode=False).return_value == 1
    )
