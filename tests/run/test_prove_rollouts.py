"""A rollout that is a folder alone is proven: what applies is judged, what does not is told, and a fault is found."""

import shutil
from pathlib import Path

import pytest

from harness.data import fixture_path
from harness.database.asked_claims import asked_of
from harness.database.server import Server
from harness.errors import UsageError
from harness.report.document import Report, to_json
from harness.rollout import load_rollout
from harness.rule.level import Level
from harness.run.options.prove import ProveOptions
from harness.run.prove import prove
from harness.run.report_reading import read_text
from harness.run.rollout_claims import ELSEWHERE, PROVEN, remarks, rollout_claims
from harness.verdict import Status, Verdict


def proven(server: Server, folder: Path, *only: str) -> Report:
    options = ProveOptions(Level.SMOKE, postgres=server.dsn("postgres"), rollout=folder)
    return prove(options, lambda _: None, only=frozenset(only) or None)


@pytest.mark.catalogue(in_proof=True)
@pytest.mark.parametrize("name", ["machine-id", "feature"])
def test_rollout_is_proven_by_its_folder_alone(server: Server, name: str) -> None:
    folder = fixture_path(f"rollouts/{name}")
    report = proven(server, folder)
    assert [one.id for one in report.judgements if one.status is not Status.PROVEN] == []
    assert report.verdict is Verdict.GO
    assert read_text(to_json(report), "it").verdict is Verdict.GO


def test_claims_that_do_not_apply_are_told_with_the_reason() -> None:
    rollout = load_rollout(fixture_path("rollouts/feature"))
    asked = {claim.id for claim in rollout_claims(rollout, Level.EXHAUSTIVE)}
    assert {"V2", "M4", "M7"}.isdisjoint(asked)
    assert asked <= set(PROVEN)
    told, others = remarks(rollout)
    assert "V2 (the rule has no bound that is known)" in told
    assert "M8" in asked
    assert others.startswith(
        "not judged by prove: V8 V9 V10 R3 D1 (harness gate); M11 M14 (harness rehearse); "
    )


@pytest.mark.parametrize("name", ["posthog-distinct-id", "length-only", "machine-id", "feature"])
def test_every_claim_that_applies_is_judged_by_somebody(name: str) -> None:
    rollout = load_rollout(fixture_path(f"rollouts/{name}"))
    known = {*PROVEN, *(claim for claims in ELSEWHERE.values() for claim in claims)}
    audits = {audit.id for audit in rollout.tables.audit}
    assert [claim for claim in asked_of(rollout) if claim not in known | audits] == []


def test_a_file_words_its_claims_and_levels_ask_for_more() -> None:
    rollout = load_rollout(fixture_path("rollouts/machine-id"))
    by_level = {
        level: {claim.id: claim for claim in rollout_claims(rollout, level)}
        for level in (Level.SMOKE, Level.STANDARD, Level.EXHAUSTIVE)
    }
    assert by_level[Level.SMOKE]["C3"].least == 1  # it has no view, so one statement is prepared
    assert by_level[Level.SMOKE]["V3"].quote == "what is empty then is NULL"
    assert by_level[Level.STANDARD].keys() - by_level[Level.SMOKE].keys() == {"O2", "R2"}
    assert by_level[Level.EXHAUSTIVE].keys() - by_level[Level.STANDARD].keys() == {"O5"}
    assert by_level[Level.STANDARD]["O2"].least == 24


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize(
    ("file", "text", "claim"),
    [
        ("up/0005_add_machine_id.sql", "ADD COLUMN machine_id text DEFAULT 'x'", "M3"),
        ("up/0005_add_machine_id.sql", "ADD COLUMN machine_id text DEFAULT md5(random()::text)", "M2"),
        (
            "up/0005_add_machine_id.sql",
            "ADD COLUMN machine_id text, ADD COLUMN more int NOT NULL DEFAULT 0;\n"
            "ALTER TABLE microdollar_usage_metadata ALTER more DROP DEFAULT",
            "M8",
        ),
        ("down/0005_drop_machine_id.sql", "DROP COLUMN machine_id, ADD COLUMN left_over text", "M9"),
    ],
)
def test_a_step_that_does_otherwise_is_refuted(
    server: Server, tmp_path: Path, file: str, text: str, claim: str
) -> None:
    for name in ("machine-id", "kilo"):
        shutil.copytree(fixture_path(f"rollouts/{name}"), tmp_path / name)
    folder = tmp_path / "machine-id"
    (folder / file).write_text(f"ALTER TABLE microdollar_usage_metadata {text};\n")
    report = proven(server, folder, claim)
    [judgement] = report.judgements
    assert (judgement.id, judgement.status) == (claim, Status.REFUTED)
    assert f"--rollout {folder}" in judgement.findings[0].replay


def test_one_replica_is_replaced_while_none_serves(server: Server, tmp_path: Path) -> None:
    for name in ("machine-id", "kilo"):
        shutil.copytree(fixture_path(f"rollouts/{name}"), tmp_path / name)
    file = tmp_path / "machine-id" / "rollout.toml"
    file.write_text(file.read_text().replace("replicas = 2", "replicas = 1"))
    report = proven(server, tmp_path / "machine-id", "O1", "O3")
    assert {one.id: one.status for one in report.judgements} == {"O1": Status.PROVEN, "O3": Status.PROVEN}
    assert "O4" not in asked_of(load_rollout(tmp_path / "machine-id"))


def test_a_client_that_sends_otherwise_is_refuted(server: Server, tmp_path: Path) -> None:
    for name in ("machine-id", "kilo"):
        shutil.copytree(fixture_path(f"rollouts/{name}"), tmp_path / name)
    handler = tmp_path / "machine-id" / "client" / "handler.js"
    handler.write_text(handler.read_text().replace("telemetry && machineId", "machineId"))
    report = proven(server, tmp_path / "machine-id", "E5")
    assert [(one.id, one.status) for one in report.judgements] == [("E5", Status.REFUTED)]
    assert "'telemetry': False" in report.judgements[0].findings[0].condition
    assert (report.subject, report.policy) == ("x-kilocode-machineid", "machine-id")
    assert report.rollout.startswith("sha256:")
    assert any(remark.startswith("not asked of rollout machine-id: ") for remark in report.remarks)
    with pytest.raises(UsageError, match="that it must judge are missing"):
        read_text(to_json(report), "it")  # of one claim


def test_a_rollout_without_a_reference_is_refused_in_one_line() -> None:
    folder = Path(__file__).parents[1] / "rollouts" / "orders"
    with pytest.raises(
        UsageError, match=r"orders: no reference\.insert, so there is no reference to prove it on"
    ):
        prove(ProveOptions(Level.SMOKE, rollout=folder), lambda _: None)


CLIENT = ("E1", "E2", "E3", "E4", "E5", "E7")


@pytest.mark.parametrize(
    ("old", "new", "refuted"),
    [
        ("", "", ""),
        ("kilocode-posthog", "kilocode-posthag", "E1"),
    ],
    ids=["as it is", "another salt"],
)
def test_a_client_that_makes_ids_is_proven_from_its_file(
    server: Server, tmp_path: Path, old: str, new: str, refuted: str
) -> None:
    for name in ("length-only", "posthog-distinct-id", "kilo"):
        shutil.copytree(fixture_path(f"rollouts/{name}"), tmp_path / name)
    file = tmp_path / "posthog-distinct-id" / "client" / "anonymous-id.js"
    file.write_text(file.read_text().replace(old, new) if old else file.read_text())
    report = proven(server, tmp_path / "length-only", *CLIENT)
    assert [one.id for one in report.judgements] == list(CLIENT)
    assert [one.id for one in report.judgements if one.status is not Status.PROVEN] == refuted.split()
