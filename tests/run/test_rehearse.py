"""A rehearsal says GO for the corrected migration, NO-GO for a plain index over the budget, and keeps its tables."""

import json

import pytest

from harness.database.server import Server
from harness.errors import UsageError
from harness.report.contents import Table
from harness.report.document import Report, to_json
from harness.run.options.rehearse import RehearsalPart, RehearseOptions
from harness.run.rehearsal_claims import claims_of
from harness.run.rehearse import rehearse
from harness.verdict import Status, Verdict
from tests.fix_report import statuses

ROWS = 1000
WRITES_PER_S = 50.0


def run(server: Server, *parts: RehearsalPart, **options: object) -> tuple[Report, dict[str, Table]]:
    given = {"rows": ROWS, "writes_per_s": WRITES_PER_S, "quiet_s": 0.3} | options
    tables: dict[str, Table] = {}
    chosen = RehearseOptions(parts=frozenset(parts), postgres=server.dsn("postgres"), **given)  # type: ignore[arg-type]
    report = rehearse(chosen, lambda _: None, lambda table: tables.update({table.title: table}))
    return report, tables


def test_rehearsal_of_the_claims_is_go_beside_the_audit(server: Server) -> None:
    report, _ = run(server, RehearsalPart.CLAIMS)
    assert report.verdict is Verdict.GO
    assert set(statuses(report)) == {f"M{number}" for number in range(1, 11)}
    (sentence,) = report.sections.audit
    assert (sentence.id, sentence.status, sentence.expected) == ("M12", "refuted", "refuted")


def test_rehearsal_of_stalls_measures_every_way_and_draws_it(server: Server) -> None:
    report, tables = run(server, RehearsalPart.STALLS)
    assert report.judgements == ()
    names = [row[0] for row in tables["Write stalls"].rows]
    assert names == ["corrected", "plain index", "one transaction", "behind a read", "behind a read, retried"]
    assert report.sections.timeline.startswith("<svg")
    assert report.sections.stalls == tables["Write stalls"]
    assert "Write latency, 1,000 rows, 50 writes/s" in report.sections.timeline
    outcomes = {row[-1] for row in tables["Statements"].rows}
    assert outcomes == {"accepted", "55P03 lock not available"}


def test_rehearsal_is_no_go_when_a_write_waits_too_long(server: Server) -> None:
    # So many that on a fast machine, too, a write comes while the index is built.
    size = {"rows": 20_000, "writes_per_s": 500.0, "max_stall_ms": 0.01}
    report, _ = run(server, RehearsalPart.STALLS, migration="plain-index", compare=False, **size)
    assert report.verdict is Verdict.NO_GO
    (judgement,) = report.judgements
    assert judgement.claim.id == "M11"
    assert "migration `plain-index` on 20,000 rows" in judgement.findings[0].condition


def test_rehearsal_is_inconclusive_when_the_migration_is_refused(server: Server) -> None:
    report, _ = run(server, RehearsalPart.STALLS, migration="not-null", max_stall_ms=100.0, compare=False)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "migration `not-null` was refused (23502 not null violation)" in report.judgements[0].detail


def test_rehearsal_of_locks_shows_each_statement_and_is_go(server: Server) -> None:
    report, tables = run(server, RehearsalPart.LOCKS)
    assert report.verdict is Verdict.GO
    assert statuses(report) == {"M14": Status.PROVEN}
    assert {row[-1] for row in tables["Locks"].rows} == {"as predicted"}


def test_report_of_a_rehearsal_is_json_with_its_tables(server: Server) -> None:
    report, tables = run(server, RehearsalPart.LOCKS)
    document = json.loads(to_json(report))
    assert document["schema"] == "harness.report/1"
    assert document["sections"]["locks"]["rows"] == [list(row) for row in tables["Locks"].rows]


def test_budget_adds_its_claim_only_where_stalls_are_measured() -> None:
    def ids(*parts: RehearsalPart, budget: float | None) -> list[str]:
        options = RehearseOptions(parts=frozenset(parts), max_stall_ms=budget)
        return [claim.id for claim in claims_of(options)]

    assert ids(RehearsalPart.STALLS, budget=5.0) == ["M11"]
    assert ids(RehearsalPart.STALLS, budget=None) == []
    assert ids(RehearsalPart.LOCKS, RehearsalPart.MATRIX, RehearsalPart.FAILURES, budget=5.0) == [
        "M13",
        "M14",
        "M15",
    ]


def test_rehearsal_is_refused_for_a_migration_that_is_not_known() -> None:
    with pytest.raises(UsageError, match="no migration 'x'"):
        rehearse(RehearseOptions(migration="x"), lambda _: None, lambda _: None)


def test_budget_is_refused_without_the_part_that_measures_stalls() -> None:
    options = RehearseOptions(parts=frozenset({RehearsalPart.LOCKS}), max_stall_ms=100.0)
    with pytest.raises(UsageError, match="add --part stalls"):
        rehearse(options, lambda _: None, lambda _: None)
