"""The steps of any rollout are rehearsed by its folder alone: on its tables, under writers of both builds."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.data import fixture_path
from harness.database.server import Server
from harness.errors import UsageError
from harness.report.document import Report, to_json
from harness.run.options.rehearse import OwnOptions, RehearsalPart, RehearseOptions
from harness.run.rehearse import rehearse
from harness.run.report_reading import read_text
from harness.verdict import Status, Verdict
from tests.command import harness_command
from tests.fix_orders import ORDERS
from tests.fix_report import effect, statuses

THREE_STEPS = ORDERS.parent / "three-steps"
STEPS = {"Y1", "Y3", "Y4", "M1", "M2", "M3", "M7", "M9", "M14"}


def run(server: Server, folder: Path, own: Mapping[str, Any] | None = None, **options: Any) -> Report:
    chosen = RehearseOptions(
        rows=300, quiet_s=0.2, postgres=server.dsn("postgres"), rollout=folder, compare=False,
        own=OwnOptions(**(own or {})), **options,
    )  # fmt: skip
    return rehearse(chosen, lambda _: None, lambda _: None)


def changed_orders(tmp_path: Path, up: str) -> Path:
    folder = tmp_path / "orders"
    shutil.copytree(ORDERS, folder)
    (folder / "up.sql").write_text(up)
    return folder


@pytest.mark.parametrize(
    ("folder", "asked"),
    [
        (ORDERS, STEPS),
        (fixture_path("rollouts/machine-id"), STEPS),
        (fixture_path("rollouts/feature"), STEPS - {"M7"}),
        (THREE_STEPS, STEPS - {"M9"} | {"M13"}),
    ],
    ids=["orders", "machine-id", "feature", "three-steps"],
)
def test_steps_of_a_rollout_are_go(server: Server, folder: Path, asked: set[str]) -> None:
    report = run(server, folder)
    assert statuses(report) == dict.fromkeys(asked, Status.PROVEN), report.judgements
    assert report.verdict is Verdict.GO
    assert any("half of the writers write" in remark for remark in report.remarks)
    assert read_text(to_json(report), "the report").verdict is Verdict.GO


def test_every_writer_is_deployed_before_a_column_is_mandatory(server: Server, tmp_path: Path) -> None:
    """With the deployment last the old writers leave rows behind that NOT NULL refuses."""
    folder = tmp_path / "three-steps"
    shutil.copytree(THREE_STEPS, folder)
    text = (folder / "rollout.toml").read_text()
    base = fixture_path("rollouts/posthog-distinct-id")
    text = text.replace("../../../fixtures/rollouts/posthog-distinct-id", str(base))
    text = text.replace(' "deploy the backend", "fill in', ' "fill in').replace(
        '"make it mandatory", "release', '"make it mandatory", "deploy the backend", "release'
    )
    (folder / "rollout.toml").write_text(text)
    report = run(server, folder, parts=frozenset({RehearsalPart.STALLS}))
    assert report.verdict is Verdict.NO_GO
    assert "23502" in " ".join(
        judgement.findings[0].effect for judgement in report.judgements if judgement.findings
    )


def test_writers_of_the_new_build_store_a_value_of_the_rule(server: Server, tmp_path: Path) -> None:
    folder = changed_orders(tmp_path, "ALTER TABLE order_audit ADD COLUMN request_origin varchar(4);")
    report = run(server, folder, parts=frozenset({RehearsalPart.STALLS}))
    assert statuses(report)["Y3"] is Status.REFUTED
    assert "INSERT into order_audit was refused" in effect(report, "Y3")
    assert "22001" in effect(report, "Y3")


@pytest.mark.parametrize(
    ("defect", "claim"),
    [("volatile-default", "M2"), ("not-null", "M3"), ("not-null-default", "M3"), ("varchar-64", "M3")],
)
def test_faulty_migration_in_place_of_the_steps_is_caught(server: Server, defect: str, claim: str) -> None:
    report = run(server, ORDERS, migration=defect, parts=frozenset({RehearsalPart.CLAIMS}))
    assert statuses(report)[claim] is Status.REFUTED
    assert "M9" not in statuses(report)


def test_stall_budget_is_a_claim_of_a_rollout_too(server: Server, tmp_path: Path) -> None:
    # Held so long that a writer surely meets it; a fast machine adds a column between two writes.
    held = (
        "DO $$ BEGIN ALTER TABLE order_audit ADD COLUMN request_origin text; PERFORM pg_sleep(0.5); END $$;"
    )
    folder = changed_orders(tmp_path, held)
    report = run(server, folder, parts=frozenset({RehearsalPart.STALLS}), max_stall_ms=0.001)
    assert statuses(report)["Y2"] is Status.REFUTED


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"migration": "no-index"},
            "no migration 'no-index' of rollout order-origin; choose one of corrected, ",
        ),
        (
            {"parts": frozenset({RehearsalPart.MATRIX})},
            "is rehearsed by --part claims and --part locks and --part stalls",
        ),
    ],
    ids=["migration", "part"],
)
def test_what_a_rollout_has_not_is_refused(server: Server, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run(server, ORDERS, **options)


def test_folder_without_a_baseline_needs_a_schema(server: Server, tmp_path: Path) -> None:
    folder = changed_orders(tmp_path, (ORDERS / "up.sql").read_text())
    text = (folder / "rollout.toml").read_text()
    (folder / "rollout.toml").write_text(text.replace('[reference]\nbaseline = "baseline.sql"\n', ""))
    with pytest.raises(UsageError, match="add --schema"):
        run(server, folder)
    parts = frozenset({RehearsalPart.LOCKS, RehearsalPart.CLAIMS})
    assert run(server, folder, {"schema": folder / "baseline.sql"}, parts=parts).verdict is Verdict.GO
    (tmp_path / "other.sql").write_text("CREATE TABLE orders (id bigint PRIMARY KEY);")
    with pytest.raises(UsageError, match="the schema has no table order_audit"):
        run(server, folder, {"schema": tmp_path / "other.sql"}, parts=parts)


def test_command_line_needs_the_folder_alone(server: Server, tmp_path: Path) -> None:
    stored = tmp_path / "report.json"
    where = ("--rollout", str(ORDERS), "--postgres", server.dsn("postgres"), "--rows", "200")
    ended = harness_command("rehearse", *where, "--part", "claims", "--json", str(stored))
    assert ended.returncode == 0, ended.stderr
    assert "GO: 5 proven" in ended.stdout
    assert json.loads(stored.read_text())["subject"] == "x-request-origin"
    shown = harness_command("report", str(stored))
    assert shown.returncode == 0, shown.stderr


INDEXED = """
[[step]]
name = "build the index"
up = "index.sql"
down = "drop.sql"
recovery = "recovery.sql"
concurrent = true

[[step]]
name = "deploy the service"
"""
RECOVERY = (fixture_path("rollouts/posthog-distinct-id") / "recovery/drop_invalid_index.sql").read_text()


def indexed_orders(tmp_path: Path, recovery: str) -> Path:
    """The orders service with an index on its column."""
    folder = changed_orders(tmp_path, (ORDERS / "up.sql").read_text())
    text = (folder / "rollout.toml").read_text()
    (folder / "rollout.toml").write_text(text.replace('\n[[step]]\nname = "deploy the service"\n', INDEXED))
    (folder / "index.sql").write_text(
        "-- It is built CONCURRENTLY.\nCREATE INDEX CONCURRENTLY audit_origin ON order_audit (request_origin);\n"
    )
    (folder / "drop.sql").write_text("DROP INDEX CONCURRENTLY audit_origin;\n")
    (folder / "recovery.sql").write_text(recovery)
    return folder


@pytest.mark.parametrize("is_right", [True, False], ids=["recovers", "does nothing"])
def test_failure_scenarios_run_on_a_rollouts_own_index(
    server: Server, tmp_path: Path, is_right: bool
) -> None:
    names = {
        "idx_microdollar_usage_metadata_posthog_distinct_id": "audit_origin",
        "microdollar_usage_metadata": "order_audit",
    }
    recovery = RECOVERY if is_right else "SELECT 1;"
    for theirs, ours in names.items():
        recovery = recovery.replace(theirs, ours)
    report = run(server, indexed_orders(tmp_path, recovery), parts=frozenset({RehearsalPart.FAILURES}))
    assert statuses(report) == {"M13": Status.PROVEN if is_right else Status.REFUTED}
    traps = report.sections.traps
    assert traps is not None
    assert len(traps.rows) == 6
    if is_right:
        assert all("ready and ready" in row for row in traps.rows), traps.rows
    else:
        assert "42P07" in " ".join(finding.effect for finding in report.judgements[0].findings)
    assert read_text(to_json(report), "the report").verdict is report.verdict


def test_scenarios_need_a_build_with_a_recovery(server: Server) -> None:
    with pytest.raises(UsageError, match="no step builds an index concurrently and has a recovery"):
        run(server, ORDERS, parts=frozenset({RehearsalPart.FAILURES}))
