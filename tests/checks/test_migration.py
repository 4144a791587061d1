"""The corrected migration is proven; each faulty one is refuted by the claim meant for it."""

import pytest

from harness import plan
from harness.checks.registry import run_checks
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script
from harness.database.server import Server
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.rehearsal import migrated_traffic
from harness.rehearsal.defects import DEFECTS, HARMLESS, MigrationDefect, find_migration
from harness.rehearsal.layouts import CORRECTED, Layout, folder_of
from harness.rehearsal.migrated_schema import migrate_and_read
from harness.rehearsal.migrated_traffic import migrate_under_writers, observe_build_locks
from harness.rehearsal.table import filled
from harness.run.migration import judge_migration
from harness.verdict import Judgement, Results, Status

TABLE = "microdollar_usage_metadata"
ADD = f"ALTER TABLE {TABLE} ADD COLUMN posthog_distinct_id text;"


def new_results() -> Results:
    untouched = (claim for claim in plan.CLAIMS if claim.id == "M1")
    audit = (claim for claim, _, _ in plan.MIGRATION_AUDIT)
    return Results((*untouched, *plan.MIGRATION_CLAIMS, *audit))


def found(results: Results, claim: str) -> Judgement:
    return next(one for one in results.judgements() if one.claim.id == claim)


def with_status(results: Results, status: Status) -> list[str]:
    return [one.claim.id for one in results.judgements() if one.status is status]


def layout_of(*statements: str) -> Layout:
    return Layout("of a test", "", folder_of(Script("test.sql", "\n".join(statements))))


def test_corrected_migration_is_proven_the_planned_runner_not(server: Server, templates: Templates) -> None:
    results = new_results()
    judge_migration(results, server, templates, rows=400)
    assert with_status(results, Status.UNKNOWN) == []
    assert with_status(results, Status.REFUTED) == ["M12"]
    assert "100 rows of microdollar_usage, 17 columns; 500 rows of" in found(results, "M1").detail
    assert found(results, "M6").observed == 24
    assert found(results, "M12").findings[0].effect.startswith("refused 25001")
    assert "up/0005b" in found(results, "M12").findings[0].workaround


@pytest.mark.parametrize(
    "defect", [one for one in DEFECTS if one.claim != "M6"], ids=lambda defect: str(defect.name)
)
def test_faulty_schema_is_refuted_by_the_claim_meant_for_it(
    templates: Templates, defect: MigrationDefect
) -> None:
    results = new_results()
    with templates.database(SchemaState.BASE) as dsn:
        run_checks(results, [migrate_and_read(dsn, defect.layout)])
    assert defect.claim in with_status(results, Status.REFUTED)
    assert defect.name in found(results, defect.claim).findings[0].condition


@pytest.mark.parametrize(
    "defect", [one for one in DEFECTS if one.claim == "M6"], ids=lambda defect: str(defect.name)
)
def test_build_that_locks_writers_out_is_refuted_by_its_locks(
    templates: Templates, defect: MigrationDefect
) -> None:
    results = new_results()
    run_checks(results, [observe_build_locks(templates, defect.layout)])
    assert with_status(results, Status.REFUTED) == ["M6"]
    assert "kept out: " in found(results, "M6").findings[0].effect
    assert ("read" in found(results, "M6").findings[0].effect) is (defect.name == "one-transaction")


@pytest.mark.parametrize("layout", HARMLESS, ids=lambda layout: str(layout.name))
def test_harmless_layout_is_refuted_by_nothing(server: Server, templates: Templates, layout: Layout) -> None:
    results = new_results()
    with filled(server, templates, 1000) as name, server.database(name) as dsn:
        run_checks(results, [migrate_and_read(dsn, layout)])
    run_checks(results, [observe_build_locks(templates, layout)])
    assert with_status(results, Status.REFUTED) == []
    assert with_status(results, Status.PROVEN) == ["M1", "M2", "M3", "M4", "M5", "M6", "M7"]


@pytest.mark.parametrize(("name", "sqlstate"), [("not-null-default", "23502"), ("unique-index", "23505")])
def test_failed_writes_refute_and_leave_the_rollback_unknown(base_dsn: str, name: str, sqlstate: str) -> None:
    results = new_results()
    run_checks(results, [migrate_under_writers(base_dsn, find_migration(name))])
    assert f"writes failed with {sqlstate}" in found(results, "M8").findings[0].effect
    assert found(results, "M9").detail == "the migration ended in state foreign"


def test_roll_back_is_refuted_when_it_leaves_something(
    base_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrated_traffic, "take_back_steps", lambda *_: None)
    results = new_results()
    run_checks(results, [migrate_under_writers(base_dsn, CORRECTED)])
    assert found(results, "M8").status is Status.PROVEN
    assert "not what they were" in found(results, "M9").findings[0].effect


def test_row_that_grows_without_a_value_is_refuted(base_dsn: str) -> None:
    results = new_results()
    layout = layout_of(ADD, f"ALTER TABLE {TABLE} ADD COLUMN more text DEFAULT repeat('x', 99);")
    run_checks(results, [migrate_and_read(base_dsn, layout)])
    assert found(results, "M7").status is Status.REFUTED


def test_locks_are_unknown_without_an_index_and_after_a_refusal(templates: Templates) -> None:
    results = new_results()
    run_checks(results, [observe_build_locks(templates, layout_of(ADD))])
    assert found(results, "M6").detail.startswith("the migration builds no index")
    results = new_results()
    run_checks(results, [observe_build_locks(templates, find_migration("not-null"))])
    assert found(results, "M6").detail.startswith(
        "a statement before the build was refused (23502 not null violation)"
    )
    results = new_results()
    layout = layout_of(f"CREATE INDEX CONCURRENTLY i ON {TABLE} (nothing);")
    run_checks(results, [observe_build_locks(templates, layout)])
    assert found(results, "M6").detail.startswith("the build was refused (42703 undefined column)")


def test_unknown_migration_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match="no migration 'nothing'; choose one of as written, breakpoint, corrected"
    ):
        find_migration("nothing")
