"""Each difference from the declared schema is told with statements that mend it: sent, they leave none."""

import pytest

from harness.database.drift import Drift
from harness.database.runners import connect
from harness.rehearsal.build_phase import BuildPhase
from harness.rehearsal.frozen_build import FrozenBuild
from tests.differences import differences_of, mend

TABLE = "microdollar_usage_metadata"
COLUMN = "posthog_distinct_id"
INDEX = f"idx_{TABLE}_{COLUMN}"
OTHER_INDEX = f"idx_{TABLE}_created_at"


def found(dsn: str) -> tuple[Drift, ...]:
    with connect(dsn) as connection:
        return differences_of(connection)


def test_drift_is_none_after_the_migration(ready_dsn: str) -> None:
    assert found(ready_dsn) == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (f"ALTER TABLE {TABLE} DROP COLUMN {COLUMN}", "there is no such column"),
        (
            f"ALTER TABLE {TABLE} ALTER COLUMN {COLUMN} TYPE varchar(64)",
            "character varying(64), declared text",
        ),
        (f"ALTER TABLE {TABLE} ALTER COLUMN {COLUMN} SET NOT NULL", "NOT NULL, declared nullable"),
        (
            f"ALTER TABLE {TABLE} ALTER COLUMN {COLUMN} SET DEFAULT ''",
            "default ''::text, declared no default",
        ),
        (f"DROP INDEX {INDEX}", "there is no such index, declared btree"),
        (f"DROP INDEX {OTHER_INDEX}", "there is no such index, declared btree (created_at)"),
        (f"ALTER INDEX {INDEX} RENAME TO another", "it is there as another"),
        (f"ALTER INDEX {OTHER_INDEX} RENAME TO another", "it is there as another"),
        (
            f'DROP INDEX {INDEX}; CREATE INDEX another ON {TABLE} ({COLUMN} COLLATE "POSIX")',
            f'there is no such index, but another btree ({COLUMN}) COLLATE "POSIX"',
        ),
        (f"DROP INDEX {INDEX}; CREATE INDEX another ON {TABLE} ({COLUMN} text_pattern_ops)", "but another"),
        (f"DROP INDEX {INDEX}; CREATE INDEX another ON {TABLE} ({COLUMN}) INCLUDE (id)", "as another"),
        (f"DROP INDEX {INDEX}; CREATE INDEX another ON {TABLE} ({COLUMN} DESC)", "as another"),
        (f"DROP INDEX {INDEX}; CREATE INDEX another ON {TABLE} ({COLUMN}, id)", "no such index, declared"),
        (
            f"ALTER INDEX {INDEX} RENAME TO another; "
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'another'::regclass",
            "not valid",
        ),
        (f'DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} ({COLUMN} COLLATE "POSIX")', "POSIX"),
        (f"DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} USING hash ({COLUMN})", "hash (posthog"),
        (f"DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} ({COLUMN}) WHERE streamed", "where streamed"),
        (f"DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} (message_id)", "btree (message_id)"),
        (f"DROP INDEX {INDEX}; CREATE UNIQUE INDEX {INDEX} ON {TABLE} ({COLUMN})", "unique btree"),
        (f"DROP INDEX {INDEX}; ALTER TABLE {TABLE} ADD CONSTRAINT {INDEX} UNIQUE ({COLUMN})", "unique btree"),
        (
            f"DROP INDEX {INDEX}; ALTER TABLE {TABLE} ADD CONSTRAINT {INDEX} EXCLUDE USING hash ({COLUMN} WITH =)",
            "hash",
        ),
    ],
)
def test_drift_is_told_in_one_line_and_mended_by_its_statement(
    ready_dsn: str, change: str, told: str
) -> None:
    with connect(ready_dsn) as connection:
        for statement in change.split("; "):
            connection.execute("UPDATE microdollar_usage_metadata SET posthog_distinct_id = id::text")
            connection.execute(statement.encode())
    seen = found(ready_dsn)
    assert any(told in one.line for one in seen), [one.line for one in seen]
    assert all("\n" not in one.line for one in seen)
    mend(ready_dsn)
    assert found(ready_dsn) == ()


def test_an_index_of_another_collation_is_not_renamed(ready_dsn: str) -> None:
    with connect(ready_dsn) as connection:
        connection.execute(f"DROP INDEX {INDEX}")
        connection.execute(f'CREATE INDEX another ON {TABLE} ({COLUMN} COLLATE "POSIX")')
        connection.execute(f"CREATE INDEX good ON {TABLE} ({COLUMN})")
    (seen,) = found(ready_dsn)
    assert seen.remedy == (f'ALTER INDEX "good" RENAME TO "{INDEX}";',)


def test_drift_before_the_migration_is_mended_from_the_top(base_dsn: str) -> None:
    assert [one.subject.rpartition(" ")[2] for one in found(base_dsn)] == [f"{TABLE}.{COLUMN}", INDEX]
    mend(base_dsn)
    assert found(base_dsn) == ()


async def test_drift_waits_for_a_build_and_builds_again_after(column_dsn: str) -> None:
    async with FrozenBuild(column_dsn, BuildPhase.OLD_SNAPSHOTS) as build:
        (seen,) = found(column_dsn)
        assert (seen.found, seen.remedy) == ("it is being built", ())
        await build.cancel()
    (seen,) = found(column_dsn)
    assert "not valid" in seen.found
    mend(column_dsn)
    assert found(column_dsn) == ()


def test_drift_of_another_database_is_one_line(empty_dsn: str) -> None:
    (seen,) = found(empty_dsn)
    assert "there is no such table" in seen.line
    assert "search_path" in seen.line


def test_drift_says_which_schema_has_the_table(ready_dsn: str) -> None:
    with connect(ready_dsn) as connection:
        connection.execute("SET search_path = pg_catalog")
        (seen,) = differences_of(connection)
    assert (
        'there is one in schema public, which is not on its search_path: ALTER ROLE "postgres"' in seen.line
    )


def test_drift_of_a_copy_says_that_another_may_be_meant(ready_dsn: str) -> None:
    with connect(ready_dsn) as connection:
        connection.execute("CREATE SCHEMA reporting")
        connection.execute(f"CREATE TABLE reporting.{TABLE} (LIKE {TABLE} INCLUDING ALL)")
        assert differences_of(connection) == ()
        connection.execute("SET search_path = reporting")
        lines = [one.line for one in differences_of(connection)]
    assert (
        f"finds reporting.{TABLE}, and there is public.{TABLE}: which one is written is not known" in lines[0]
    )
    assert "wait" not in lines[0]


PARTS = f"""
DROP TABLE {TABLE} CASCADE;
CREATE TABLE {TABLE} (id uuid, created_at timestamptz, message_id text, {COLUMN} text) PARTITION BY RANGE (created_at);
CREATE TABLE "Old Part" PARTITION OF {TABLE} FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE newer PARTITION OF {TABLE} DEFAULT PARTITION BY HASH (id);
CREATE TABLE newer_0 PARTITION OF newer FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE newer_1 PARTITION OF newer FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX {OTHER_INDEX} ON {TABLE} (created_at)"""


@pytest.mark.parametrize(
    "more",
    [
        "",
        f"CREATE INDEX {INDEX} ON ONLY {TABLE} ({COLUMN})",
        f"CREATE INDEX {INDEX} ON {TABLE} ({COLUMN}, id)",
        f"CREATE TABLE {INDEX}_1 ()",
        f"CREATE TABLE parent (LIKE {TABLE}) PARTITION BY LIST (message_id); "
        f"ALTER TABLE parent ATTACH PARTITION {TABLE} DEFAULT",
    ],
)
def test_an_index_of_a_table_in_partitions_is_built_part_by_part(ready_dsn: str, more: str) -> None:
    with connect(ready_dsn) as connection:
        for statement in f"{PARTS}; {more}".split(";"):
            if statement.strip():
                connection.execute(statement.encode())
    (index,) = [one for one in found(ready_dsn) if one.subject == f"index {INDEX}"]
    assert sum("CONCURRENTLY" in statement for statement in index.remedy) == 3
    with connect(ready_dsn) as connection:
        for statement in index.remedy:
            connection.execute(statement.encode())
    assert [one for one in found(ready_dsn) if one.subject == f"index {INDEX}"] == []
