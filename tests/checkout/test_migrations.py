"""The migrations folder of a checkout: applied to databases of ours from both starts; journal, snapshot, index."""

import json
from pathlib import Path

import pytest

from harness.checks.checkout_claims import BACKEND, claims_of
from harness.database.server import Server
from harness.rollout import load_rollout
from harness.run.check_backend import check_migrations
from harness.verdict import Judgement, Results, Status
from tests.checkout.edits import ADDED, JOURNAL, MIGRATION, MIGRATIONS, Edit, backend, line_of

ALTER = "ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text"
INDEX = "idx_microdollar_usage_metadata_posthog_distinct_id"
TABLE = "microdollar_usage_metadata"
ON = f"ON {TABLE} (posthog_distinct_id)"
TAG = "0005_add_posthog_distinct_id_to_usage_metadata"


def judged(server: Server, checkout: Path, database_url: str | None = None) -> tuple[Judgement, list[str]]:
    rollout = load_rollout()
    results = Results(claims_of((BACKEND,), rollout.tables))
    with server.database() as empty:
        remarks = check_migrations(results, rollout, checkout, server, empty, database_url).remarks
    (judgement,) = (each for each in results.judgements() if each.id == "F1")
    return judgement, remarks


def test_the_plans_file_is_refused_by_the_runner(server: Server, tmp_path: Path) -> None:
    checkout = backend(tmp_path)
    judgement, _ = judged(server, checkout)
    (finding,) = judgement.findings
    line = line_of(checkout, MIGRATION, "CREATE INDEX CONCURRENTLY")
    assert finding.condition.startswith(f"{MIGRATION}:{line}: 25001 ")
    assert "the release is blocked" in finding.effect
    assert "a file of its own" in finding.workaround


CUT = "--> statement-breakpoint"
RIGHT = {
    "plain": (f"{ALTER};\n{CUT}\nCREATE INDEX {INDEX} {ON};\n", "journalled and plain"),
    "by hand before": (f"{ALTER};\n{CUT}\nCREATE INDEX IF NOT EXISTS {INDEX} {ON};\n", "IF NOT EXISTS"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_form_of_the_index_is_told(name: str, server: Server, tmp_path: Path) -> None:
    text, says = RIGHT[name]
    by_hand = Edit(f"{MIGRATIONS}/by_hand.sql", "", f"CREATE INDEX CONCURRENTLY {INDEX} {ON};\n")
    judgement, remarks = judged(server, backend(tmp_path, Edit(MIGRATION, "", text), by_hand))
    assert judgement.status is Status.PROVEN, judgement.findings
    assert any(says in remark for remark in remarks)


WRONG = {
    "an older when": (Edit(JOURNAL, "1771000000000", "1760000000000"), MIGRATION, "is not after"),
    "not journalled": (Edit(JOURNAL, TAG, "0001_other"), MIGRATION, "passes over it"),
    "another type": (Edit(MIGRATION, "", f"{ALTER[:-4]}varchar(64);\n"), MIGRATION, "character varying(64)"),
    "not null": (Edit(MIGRATION, "", f"{ALTER} NOT NULL DEFAULT '';\n"), MIGRATION, "not null"),
    "a unique index": (
        Edit(MIGRATION, "", f"{ALTER};\nCREATE UNIQUE INDEX {INDEX} {ON};\n"), MIGRATION, "another index",
    ),
    "a check behind it": (
        Edit(
            MIGRATION,
            "",
            f"{ALTER};\n{CUT}\nALTER TABLE microdollar_usage_metadata ADD CHECK (posthog_distinct_id <> '');\n",
        ),
        MIGRATION,
        "has a CHECK",
    ),
    "a doubled idx": (Edit(JOURNAL, '"idx": 1', '"idx": 0'), JOURNAL, "idx 0 is given twice"),
    "no snapshot": (Edit(f"{MIGRATIONS}/meta/0000_snapshot.json", "", "{}"), JOURNAL, "has no snapshot"),
    "a snapshot without it": (
        Edit(f"{MIGRATIONS}/meta/0001_snapshot.json", "", json.dumps({"tables": {}})),
        f"{MIGRATIONS}/meta/0001_snapshot.json", "has no posthog_distinct_id",
    ),
    "an entry without its file": (Edit(JOURNAL, TAG, TAG.replace("_to_", "_on_")), JOURNAL, "there is no file"),
    "the marks of a merge": (Edit(JOURNAL, '": [', '": [\n<<<<<<< HEAD'), f"{JOURNAL}:5", "cannot be read"),
    "another index of that name": (
        Edit(MIGRATION, "", f"{ALTER};\n{CUT}\nCREATE INDEX {INDEX} ON {TABLE} (message_id);\n"),
        f"{MIGRATION}:3", "another index",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_folder_is_refuted_at_its_file(name: str, server: Server, tmp_path: Path) -> None:
    edit, file, says = WRONG[name]
    edits = [*([] if edit.file == MIGRATION else [ADDED]), edit]
    if name == "not journalled":
        edits.append(Edit(f"{MIGRATIONS}/0001_other.sql", "", "SELECT 1;\n"))
    judgement, _ = judged(server, backend(tmp_path, *edits))
    assert judgement.status is Status.REFUTED
    finding = next(each for each in judgement.findings if says in each.condition)
    assert finding.condition.startswith(f"{file}:")


def snapshot(number: int, made: str, parent: str) -> Edit:
    """A snapshot that knows the column."""
    columns: dict[str, object] = {"posthog_distinct_id": {}}
    text = {"id": made, "prevId": parent, "tables": {f"public.{TABLE}": {"columns": columns}}}
    return Edit(f"{MIGRATIONS}/meta/{number:04}_snapshot.json", "", json.dumps(text, indent=2))


@pytest.mark.parametrize(("parent", "is_right"), [("b", True), ("a", False)], ids=["a chain", "a fork"])
def test_snapshots_follow_each_other(parent: str, is_right: bool, server: Server, tmp_path: Path) -> None:
    snapshots = (snapshot(0, "b", "a"), snapshot(1, "c", parent))
    judgement, _ = judged(server, backend(tmp_path, ADDED, *snapshots))
    if is_right:
        assert judgement.status is Status.PROVEN, judgement.findings
        return
    (finding,) = judgement.findings
    assert (
        finding.condition
        == f"{MIGRATIONS}/meta/0001_snapshot.json:3: its prevId is that of 0000_snapshot.json, too"
    )


def test_a_column_that_is_another_one_is_not_called_missing(server: Server, tmp_path: Path) -> None:
    judgement, _ = judged(server, backend(tmp_path, Edit(MIGRATION, "", f"{ALTER[:-4]}varchar(64);\n")))
    assert "42703" not in judgement.findings[0].effect


def test_what_drizzle_would_do_in_a_database_is_told(server: Server, tmp_path: Path) -> None:
    with server.database() as dsn:
        _, remarks = judged(server, backend(tmp_path, ADDED), dsn)
    assert any(f"would run 0000_baseline, {TAG}" in remark for remark in remarks)
