"""Ten migrations as people have them, each linted for the rollout and rehearsed on its tables: both say the same.

The shapes are those of the tools' own files in public repositories; the wording is ours.
"""
# ruff: noqa: E501 -- a file each

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.database.templates import Templates
from harness.rehearsal.own.live_schema import live_schema
from harness.run.lint import lint_folder
from harness.run.options.rehearse import OwnOptions, RehearsalPart, RehearseOptions
from harness.run.rehearse import rehearse

T, C = "microdollar_usage_metadata", "posthog_distinct_id"
INDEX = f"idx_{T}_{C}"
PLAIN, TIMEOUT = "squawk/require-concurrent-index-creation", "squawk/require-lock-timeout"

FILES: dict[str, tuple[dict[str, str], list[str], str]] = {
    "drizzle": (
        {
            "0019_quick_falcon.sql": f'ALTER TABLE "{T}" ADD COLUMN "{C}" text;--> statement-breakpoint\nCREATE INDEX "{INDEX}" ON "{T}" USING btree ("{C}");\n',
            "meta/_journal.json": json.dumps({"version": "7", "dialect": "postgresql", "entries": [{"idx": 0, "version": "7", "when": 1760000000000, "tag": "0019_quick_falcon", "breakpoints": True}]}),
        },
        [TIMEOUT, "no-lock-timeout", PLAIN], "",
    ),
    "drizzle 1.0": (
        {
            "20260301101500_brave_otter/migration.sql": f'CREATE INDEX CONCURRENTLY "{INDEX}" ON "{T}" USING btree ("{C}");\n',
            "20260301101400_calm_heron/migration.sql": f'ALTER TABLE "{T}" ADD COLUMN "{C}" text;\n',
            "20260301101500_brave_otter/snapshot.json": "{}", "20260301101400_calm_heron/snapshot.json": "{}",
        },
        [TIMEOUT, "build-in-transaction"], "25001 active sql transaction",
    ),
    "Prisma": (
        {
            "20260301101500_distinct_id/migration.sql": f'/*\n  Warnings:\n\n  - The index `{INDEX}` is new.\n*/\n-- AlterTable\nALTER TABLE "{T}" ADD COLUMN     "{C}" VARCHAR(64);\n\n-- CreateIndex\nCREATE UNIQUE INDEX "{INDEX}" ON "{T}"("{C}");\n',
            "migration_lock.toml": 'provider = "postgresql"\n',
        },
        ["another-column", TIMEOUT, "another-index", "no-lock-timeout", PLAIN], "",
    ),
    "Flyway": (
        {
            "V12__distinct_id.sql": f"SET lock_timeout = '2s';\nALTER TABLE {T} ADD COLUMN {C} TEXT;\n",
            "V13__distinct_id_index.sql": f"CREATE INDEX CONCURRENTLY {INDEX}\n    ON {T} ({C});\n",
            "R__report_view.sql": "CREATE OR REPLACE VIEW report AS SELECT 1 AS one;\n",
        },
        [], "",
    ),
    "Flyway that mixes": (
        {"V12__distinct_id.sql": f"ALTER TABLE {T} ADD COLUMN {C} TEXT;\nCREATE INDEX CONCURRENTLY {INDEX} ON {T} ({C});\n"},
        [TIMEOUT, "build-in-transaction"], "25001 active sql transaction",
    ),
    "golang-migrate": (
        {
            "000031_distinct_id.up.sql": f"BEGIN;\nSET LOCAL lock_timeout = '3s';\nALTER TABLE IF EXISTS {T} ADD COLUMN IF NOT EXISTS {C} text;\nCOMMIT;\n",
            "000031_distinct_id.down.sql": f"ALTER TABLE {T} DROP COLUMN {C};\n",
            "000032_distinct_id_index.up.sql": f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {INDEX} ON {T} ({C});\n",
            "000032_distinct_id_index.down.sql": f"DROP INDEX CONCURRENTLY IF EXISTS {INDEX};\n",
        },
        ["if-not-exists-on-build"], "",
    ),
    "Rails": (
        {
            "20260301101500_add_distinct_id.sql": f'ALTER TABLE "{T}" ADD "{C}" character varying;\nCREATE INDEX CONCURRENTLY "{INDEX}" ON "{T}" ("{C}");\n',
            "structure.sql": f"CREATE TABLE public.{T} (\n    {C} character varying\n);\n",
            "20260301101600_backfill.rb": "class Backfill < ActiveRecord::Migration[8.0]\n  def up\n  end\nend\n",
        },
        ["another-column", TIMEOUT], "",
    ),
    "Django": (
        {"0042_distinct_id.sql": f'BEGIN;\n--\n-- Add field {C} to usage\n--\nALTER TABLE "{T}" ADD COLUMN "{C}" text NULL;\n--\n-- Raw Python operation\n--\n-- THIS OPERATION CANNOT BE WRITTEN AS SQL\nCREATE INDEX "usage_id_3f1a_like" ON "{T}" ("{C}" text_pattern_ops);\nCOMMIT;\n'},
        [TIMEOUT, "another-index", "no-lock-timeout", PLAIN, "not-judged"], "",
    ),
    "goose": (
        {"00009_distinct_id.sql": f"-- +goose NO TRANSACTION\n-- +goose Up\nSET lock_timeout = '2s';\nALTER TABLE {T} ADD COLUMN {C} text;\n-- +goose StatementBegin\nDO $$\nBEGIN\n  EXECUTE 'CREATE INDEX CONCURRENTLY {INDEX} ON {T} ({C})';\nEND\n$$;\n-- +goose StatementEnd\n\n-- +goose Down\nALTER TABLE {T} DROP COLUMN {C};\n"},
        ["build-in-function"], "25001 active sql transaction",
    ),
    "plain": (
        {"0005_distinct_id.sql": f"\\set ON_ERROR_STOP on\n\nBEGIN;\nSET LOCAL lock_timeout = '2s';\nALTER TABLE {T} ADD COLUMN {C} text; -- nullable\nCOMMIT;\n\nCREATE INDEX CONCURRENTLY {INDEX} ON {T} ({C});\n"},
        [], "",
    ),
}  # fmt: skip
"""The files, what the linter says of them by file and line, and what a rehearsal is refused with."""


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def schema(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The rollout's tables as pg_dump writes them."""
    file = tmp_path_factory.mktemp("schema") / "schema.sql"
    with Templates(server) as templates, templates.database(SchemaState.BASE) as dsn:
        file.write_text(live_schema(dsn)[0], encoding="utf-8")
        yield file


@pytest.mark.parametrize("name", FILES)
def test_files_are_linted(tmp_path: Path, name: str) -> None:
    files, rules, _ = FILES[name]
    linted = lint_folder(written(tmp_path / "migrations", files))
    found = [lint.rule for lint in (*linted.faults, *linted.not_judged)]
    assert found == rules, [lint.describe() for lint in (*linted.faults, *linted.not_judged)]


@pytest.mark.parametrize("name", FILES)
def test_files_are_rehearsed(server: Server, schema: Path, tmp_path: Path, name: str) -> None:
    files, _, refused = FILES[name]
    folder = written(tmp_path / "migrations", files)
    options = RehearseOptions(
        migration=str(folder), rows=500, quiet_s=0.15, compare=False, postgres=server.dsn("postgres"),
        parts=frozenset({RehearsalPart.STALLS}), own=OwnOptions(schema=schema),
    )  # fmt: skip
    report = rehearse(options, lambda _: None, lambda _: None)
    effects = [finding.effect for judgement in report.judgements for finding in judgement.findings]
    assert [effect for effect in effects if "refused" in effect and not (refused and refused in effect)] == []
    assert bool(effects) is bool(refused)
    assert f"500 rows in {T}" in report.remarks


def test_what_is_no_sql_is_named_and_not_sent(server: Server, schema: Path, tmp_path: Path) -> None:
    rails, django = (written(tmp_path / name, FILES[name][0]) for name in ("Rails", "Django"))
    remarks: list[str] = []
    for folder in (rails, django):
        options = RehearseOptions(
            migration=str(folder), postgres=server.dsn("postgres"), parts=frozenset({RehearsalPart.LOCKS}),
            own=OwnOptions(schema=schema),
        )  # fmt: skip
        remarks += rehearse(options, lambda _: None, lambda _: None).remarks
    assert [remark.partition(":")[0] for remark in remarks] == [
        "structure.sql is no migration, but a dump of a schema",
        "not sent",
        "0042_distinct_id.sql",
    ]
    assert "a step in Python" in remarks[-1]
