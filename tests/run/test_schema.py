"""`harness schema`: lines for people, a count for the exit code, and nothing changed in the database."""

from pathlib import Path

import pytest

from harness.data import sql_path
from harness.errors import UnavailableError, UsageError
from harness.run.options.schema import SchemaOptions
from harness.run.schema import check_schema


def test_schema_reports_no_difference_after_the_migration(ready_dsn: str) -> None:
    lines: list[str] = []
    assert check_schema(SchemaOptions(ready_dsn, sql_path("up")), lines.append) == 0
    assert "no differences from what rollout posthog-distinct-id declares" in lines[0]
    assert "looked at 0005a_add_column.sql" in lines[1]
    assert "no faults in the files of this rollout" in lines[2]


def test_schema_says_a_line_each_and_counts_them(column_dsn: str, tmp_path: Path) -> None:
    lines: list[str] = []
    assert check_schema(SchemaOptions(column_dsn, tmp_path), lines.append) == 2
    assert "CREATE INDEX CONCURRENTLY" in lines[0]
    assert "1 difference from" in lines[1]
    assert "no-migration" in lines[2]
    assert "looked at no file" in lines[3]
    assert lines[4].endswith("1 fault in the files of this rollout")


def test_schema_is_refused_without_anything_to_look_at() -> None:
    with pytest.raises(UsageError, match="give --database-url, --migrations, or both"):
        check_schema(SchemaOptions(), lambda _: None)


def test_schema_cannot_run_where_no_server_answers() -> None:
    with pytest.raises(UnavailableError, match="cannot connect") as caught:
        check_schema(SchemaOptions("postgresql://me:geheim@127.0.0.1:1/x"), lambda _: None)
    assert "geheim" not in str(caught.value)
