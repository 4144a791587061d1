"""Migration files as people have them, of many tools: what is a fault in each, and what is none."""
# ruff: noqa: E501 -- a file each

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.run.lint import lint_folder

T, C = "microdollar_usage_metadata", "posthog_distinct_id"
INDEX = f"idx_{T}_{C}"
LOCK = "SET lock_timeout = '2s';\n"
ADD = f"ALTER TABLE {T} ADD COLUMN {C} text;\n"
BUILD = f"CREATE INDEX CONCURRENTLY {INDEX} ON {T} ({C});\n"
IN_TRANSACTION = "build-in-transaction"
DOWN = f"DROP INDEX {INDEX};\nALTER TABLE {T} DROP COLUMN {C};\n"


def written(tmp_path: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def rules(path: Path) -> list[str]:
    return [fault.rule for fault in lint_folder(path)[1]]


FILES: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "up and down pairs": ({"000120_col.up.sql": LOCK + ADD, "000120_col.down.sql": DOWN, "000121_idx.up.sql": BUILD, "000121_idx.down.sql": DOWN}, []),
    "a pair whose up is sent as one message": ({"000121_idx.up.sql": f"SET search_path = public;\n{BUILD}"}, [IN_TRANSACTION]),
    "capital suffix": ({"0005_COL.SQL": LOCK + ADD, "0006_IDX.SQL": BUILD}, []),
    "SQL in capitals": ({"0005_a.sql": (LOCK + ADD).upper(), "0006_b.sql": BUILD.upper()}, []),
    "Flyway": ({"V7__col.sql": LOCK + ADD, "V8__idx.sql": BUILD, "U8__idx.sql": DOWN, "R__views.sql": "SELECT 1;"}, []),
    "Flyway that mixes": ({"V7__all.sql": LOCK + ADD + BUILD}, [IN_TRANSACTION, "lock-timeout-on-build"]),
    "Flyway number taken twice": ({"V7__col.sql": LOCK + ADD, "V07__other.sql": "SELECT 1;"}, ["number-taken"]),
    "Flyway numbers with dots": ({"V1.2__col.sql": LOCK + ADD, "V1_20__other.sql": "SELECT 1;"}, []),
    "Prisma": ({"20260101120000_col/migration.sql": LOCK + ADD, "20260101120001_idx/migration.sql": BUILD, "migration_lock.toml": "provider = 'postgresql'"}, []),
    "Prisma that mixes": ({"20260101120000_all/migration.sql": ADD + BUILD}, ["squawk/require-lock-timeout", IN_TRANSACTION]),
    "drizzle 1.0": ({"20260101120000_idx/migration.sql": BUILD, "20260101120000_idx/snapshot.json": "{}"}, [IN_TRANSACTION]),
    "diesel": ({"2026-01-01-120000_col/up.sql": LOCK + ADD, "2026-01-01-120000_col/down.sql": DOWN}, []),
    "diesel in a transaction": ({"2026-01-01-120001_idx/up.sql": BUILD}, [IN_TRANSACTION]),
    "diesel without one": ({"2026-01-01-120001_idx/up.sql": BUILD, "2026-01-01-120001_idx/metadata.toml": "run_in_transaction = false\n"}, []),
    "goose": ({"00005_a.sql": f"-- +goose Up\n{LOCK}{ADD}\n-- +goose Down\n{DOWN}"}, []),
    "goose in a transaction": ({"00006_b.sql": f"-- +goose Up\n{BUILD}-- +goose Down\n{DOWN}"}, [IN_TRANSACTION]),
    "goose without one": ({"00006_b.sql": f"-- +goose NO TRANSACTION\n-- +goose Up\n{BUILD}-- +goose Down\n{DOWN}"}, []),
    "dbmate": ({"20260101_b.sql": f"-- migrate:up transaction:false\n{BUILD}\n-- migrate:down transaction:false\n{DOWN}"}, []),
    "dbmate in a transaction": ({"20260101_b.sql": f"-- migrate:up\n{BUILD}\n-- migrate:down\n{DOWN}"}, [IN_TRANSACTION]),
    "sql-migrate": ({"1_b.sql": f"-- +migrate Up notransaction\n{BUILD}-- +migrate Down\n{DOWN}"}, []),
    "node-pg-migrate": ({"1700000000000_a.sql": f"-- Up Migration\n{LOCK}{ADD}-- Down Migration\n{DOWN}"}, []),
    "sqlx without a transaction": ({"20260101_b.sql": f"-- no-transaction\n{BUILD}"}, []),
    "Liquibase": ({"0006_b.sql": f"--liquibase formatted sql\n--changeset me:1 runInTransaction:false\n{BUILD}"}, []),
    "Liquibase in a transaction": ({"0006_b.sql": f"--liquibase formatted sql\n--changeset me:1\n{BUILD}"}, [IN_TRANSACTION]),
    "Supabase": ({"20260101120000_col.sql": LOCK + ADD, "20260101120001_idx.sql": BUILD}, []),
    "two of one number": ({"0005_a.sql": LOCK + ADD, "5_b.sql": "SELECT 1;"}, ["number-taken"]),
    "CRLF": ({"0005_a.sql": (LOCK + ADD).replace("\n", "\r\n"), "0006_b.sql": BUILD.replace("\n", "\r\n")}, []),
    "UTF-8 with a mark": ({"0005_a.sql": b"\xef\xbb\xbf" + (LOCK + ADD).encode()}, []),
    "UTF-16": ({"0005_a.sql": (LOCK + ADD).encode("utf-16")}, ["not-utf-8"]),
    "Latin-1": ({"0005_a.sql": ("-- gr\xfc\xdfe\n" + LOCK + ADD).encode("latin-1")}, ["not-utf-8"]),
    "Latin-1 in another file": ({"0004_x.sql": b"-- \xe9\n", "0005_a.sql": LOCK + ADD}, []),
    # Settings around a build.
    "build alone": ({"0006_b.sql": BUILD}, []),
    "set back by RESET": ({"0006_b.sql": f"{LOCK}RESET lock_timeout;\n{BUILD}"}, []),
    "set back by RESET ALL": ({"0006_b.sql": f"{LOCK}RESET ALL;\n{BUILD}"}, []),
    "set back to DEFAULT": ({"0006_b.sql": f"{LOCK}SET lock_timeout TO DEFAULT;\n{BUILD}"}, []),
    "set back by DISCARD ALL": ({"0006_b.sql": f"{LOCK}DISCARD ALL;\n{BUILD}"}, []),
    "local to a transaction before": ({"0006_b.sql": f"BEGIN;\nSET LOCAL lock_timeout = '2s';\n{ADD}COMMIT;\n{BUILD}"}, []),
    "rolled back before": ({"0006_b.sql": f"BEGIN;\n{LOCK}ROLLBACK;\n{BUILD}"}, []),
    "set in a transaction before": ({"0006_b.sql": f"BEGIN;\n{LOCK}{ADD}COMMIT;\n{BUILD}"}, ["lock-timeout-on-build"]),
    "by set_config": ({"0006_b.sql": f"SELECT set_config('lock_timeout', '2s', false);\n{BUILD}"}, ["lock-timeout-on-build"]),
    "zero with a unit": ({"0006_b.sql": f"SET lock_timeout = '0ms';\n{BUILD}"}, []),
    "in a comment": ({"0006_b.sql": f"-- SET lock_timeout = '2s';\n/* SET lock_timeout = '2s'; */\n{BUILD}"}, []),
    "statement_timeout": ({"0006_b.sql": f"SET statement_timeout = '30s';\n{BUILD}"}, ["statement-timeout-on-build"]),
    "statement_timeout in milliseconds": ({"0006_b.sql": f"set session statement_timeout to 30000;\n{BUILD}"}, ["statement-timeout-on-build"]),
    "statement_timeout off again": ({"0006_b.sql": f"SET statement_timeout = '30s';\nSELECT 1;\nSET statement_timeout = 0;\n{BUILD}"}, []),
    "quoted name": ({"0006_b.sql": f"SET \"lock_timeout\" = '2s';\n{BUILD}"}, ["lock-timeout-on-build"]),
    "by pg_catalog.set_config": ({"0006_b.sql": f"SELECT pg_catalog.set_config('lock_timeout', '2s', false);\n{BUILD}"}, ["lock-timeout-on-build"]),
    "chained": ({"0006_b.sql": f"BEGIN ISOLATION LEVEL SERIALIZABLE;\nCOMMIT AND CHAIN;\n{BUILD}"}, ["build-in-transaction"]),
    # Where a build cannot be.
    "dropped in a transaction": ({"0006_b.sql": f"BEGIN;\nDROP INDEX CONCURRENTLY {INDEX};\nCOMMIT;\n{BUILD}"}, ["build-in-transaction"]),
    "said in DO alone": ({"0006_b.sql": f"{LOCK}DO $$ BEGIN RAISE NOTICE 'next: CREATE INDEX CONCURRENTLY on {C}'; /* CREATE INDEX CONCURRENTLY */ END $$;\n"}, []),
    # Numbers and directions.
    "dates as numbers": ({"2026-01-05_a.sql": LOCK + ADD, "2026-01-06_b.sql": BUILD}, []),
    "up and down by underscore": ({"0005_a_up.sql": LOCK + ADD, "0005_a_down.sql": DOWN}, []),
    "do and undo": ({"005.do.a.sql": LOCK + ADD, "006.undo.sql": DOWN, "006.do.sql": "SELECT 1;"}, []),
    "Flyway 7 and 7.0": ({"V07__a.sql": LOCK + ADD, "V7.0__b.sql": "SELECT 1;"}, ["number-taken"]),
    "named in a comment alone": ({"0004_a.sql": f"-- before {C}\nALTER TABLE x ADD y varchar(9);", "0005_a.sql": LOCK + ADD}, []),
    "in DO": ({"0006_b.sql": f"DO $$ BEGIN EXECUTE '{BUILD.strip()[:-1]}'; END $$;\n"}, ["build-in-function"]),
    "in DO, plain": ({"0006_b.sql": f"DO $do$ BEGIN {BUILD} END $do$;\n"}, ["build-in-function"]),
    "in a function": ({"0006_b.sql": f"{LOCK}CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN {BUILD} END $f$;\n"}, ["build-in-function"]),
    "after BEGIN": ({"0006_b.sql": f"BEGIN;\n{BUILD}COMMIT;\n"}, [IN_TRANSACTION]),
    "named in a text alone": ({"0005_a.sql": f"{LOCK}{ADD}COMMENT ON COLUMN {T}.{C} IS 'see CREATE INDEX CONCURRENTLY';\n"}, []),
    # Another index in the place of the plan's.
    "partial": ({"0006_b.sql": BUILD.replace(");", f") WHERE {C} IS NOT NULL;")}, ["another-index"]),
    "unique": ({"0006_b.sql": BUILD.replace("CREATE INDEX", "CREATE UNIQUE INDEX")}, ["another-index"]),
    "hash": ({"0006_b.sql": BUILD.replace(f"({C})", f"USING hash ({C})")}, ["another-index"]),
    "expression": ({"0006_b.sql": BUILD.replace(f"({C})", f"(lower({C}))")}, ["another-index"]),
    "second key": ({"0006_b.sql": BUILD.replace(f"({C})", f"(created_at, {C})")}, ["another-index"]),
    "two keys": ({"0006_b.sql": BUILD.replace(f"({C})", f"({C}, created_at)")}, ["another-index"]),
    "operator class": ({"0006_b.sql": BUILD.replace(f"({C})", f"({C} text_pattern_ops)")}, ["another-index"]),
    "usual operator class": ({"0006_b.sql": BUILD.replace(f"({C})", f"({C} text_ops)")}, []),
    "descending": ({"0006_b.sql": BUILD.replace(f"({C})", f"({C} DESC NULLS LAST)")}, []),
    "quoted names": ({"0006_b.sql": f'CREATE INDEX CONCURRENTLY "{INDEX}" ON "public"."{T}" USING btree ("{C}");\n'}, []),
    "another one beside the right one": ({"0006_b.sql": BUILD + f"CREATE INDEX CONCURRENTLY more ON {T} (lower({C}));\n"}, []),
    "another table's": ({"0006_b.sql": BUILD + f"CREATE UNIQUE INDEX CONCURRENTLY x ON persons ({C});\n"}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_faults_of_files_are_those_that_are_there(tmp_path: Path, name: str) -> None:
    files, expected = FILES[name]
    path = written(tmp_path, files)
    assert rules(path) == expected, [fault.describe() for fault in lint_folder(path)[1]]


def test_what_was_looked_at_is_said(tmp_path: Path) -> None:
    path = written(
        tmp_path, {"V7__col.sql": LOCK + ADD, "V1__base.sql": "SELECT 1;", "R__v.sql": "SELECT 1;"}
    )
    assert (
        lint_folder(path)[0].describe()
        == f"looked at V7__col.sql (Flyway, in one transaction); 2 other files do not name {C}"
    )


def test_lines_are_those_of_the_file_where_a_part_goes_down(tmp_path: Path) -> None:
    text = f"-- +goose Down\n{DOWN}-- +goose Up\n-- +goose StatementBegin\n{BUILD}-- +goose StatementEnd\n"
    (fault,) = lint_folder(written(tmp_path, {"1_a.sql": text}))[1]
    assert (fault.rule, fault.line) == (IN_TRANSACTION, 6)


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [([], []), ([1000], []), ([1000, 2000], []), ([1000, 3000], ["older-than-recorded"]), (None, [])],
)
def test_a_file_that_this_database_will_pass_over(
    tmp_path: Path, recorded: list[int] | None, expected: list[str]
) -> None:
    entries = '{"entries": [{"tag": "0004_old", "when": 1000}, {"tag": "0005_a", "when": 2000}]}'
    files = {"0004_old.sql": "SELECT 1;", "0005_a.sql": LOCK + ADD, "meta/_journal.json": entries}
    path = written(tmp_path, dict(files))
    assert [fault.rule for fault in lint_folder(path, recorded)[1]] == expected


@pytest.mark.parametrize("raw", [b"\0\0\0", b"A\0L\0T\0E\0R\0"])
def test_what_is_no_text_is_refused(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(UsageError, match=r"0005_a\.sql is no text"):
        lint_folder(written(tmp_path, {"0005_a.sql": raw}))


def test_a_journal_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"_journal\.json cannot be read"):
        lint_folder(written(tmp_path, {"0005_a.sql": ADD, "meta/_journal.json": b"\xff\xfe"}))
