"""Stored reports of another rollout: shards are merged and a verdict is accepted by the rollout's folder."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs

from harness.data import fixture_path
from harness.report.document import JudgedBy, Report, to_json
from harness.rollout import load_rollout
from harness.rollout.digest import rollout_digest
from harness.rule.suite import Level
from harness.run.accept import accept
from harness.run.gate_claims import claims_of
from harness.run.options.accept import AcceptOptions
from harness.run.options.gate import GateOptions
from harness.run.report_reading import read_report
from harness.verdict import Verdict
from tests.command import harness_command
from tests.fix_gate import Judge
from tests.fix_orders import ORDERS, Orders
from tests.report.sample import judgement, report

pytestmark = pytest.mark.usefixtures("own_journals")

OTHER = str(fixture_path("rollouts/feature"))


async def test_shards_and_verdict_of_another_rollout(
    orders: Orders, orders_dsn: str, run_gate: Judge, tmp_path: Path
) -> None:
    options = GateOptions(orders(), orders_dsn, rollout=ORDERS, level=Level.STANDARD, watch_rows_s=0.0)
    shards = [await run_gate(options, shard=f"{number}/2") for number in (1, 2)]
    await asyncio.to_thread(check_stored, shards, tmp_path)


def check_stored(shards: Sequence[Report], tmp_path: Path) -> None:
    files = [str(tmp_path / f"{number}.json") for number in (1, 2)]
    for file, shard in zip(files, shards, strict=True):
        Path(file).write_text(to_json(shard))
    whole = str(tmp_path / "whole.json")
    of_orders = ("--rollout", str(ORDERS))

    merged = harness_command("report", "merge", *files, *of_orders, "--json", whole)
    assert (merged.returncode, merged.stderr) == (0, "")
    stored = read_report(Path(whole))
    assert (stored.verdict, stored.shard, stored.policy) == (Verdict.GO, None, "order-origin")
    twice = harness_command("report", "merge", files[0], files[0], *of_orders)
    assert twice.returncode == 3
    assert "shard 1 is there twice: an overlap" in twice.stdout

    unnamed = harness_command("report", "merge", *files)
    assert unnamed.returncode == 2
    assert "the reports are of rollout order-origin; name its folder with --rollout DIR" in unnamed.stderr
    other = harness_command("report", "merge", *files, "--rollout", OTHER)
    assert other.returncode == 2
    assert f"--rollout {OTHER}: rollout feature is sha256:" in other.stderr

    accepted = harness_command("accept", whole, "--unsigned", *of_orders)
    assert accepted.returncode == 0, accepted.stdout
    by_digest = harness_command("accept", whole, "--unsigned", "--rollout", stored.rollout)
    assert by_digest.returncode == 0, by_digest.stdout
    refused = harness_command("accept", whole, "--unsigned", "--rollout", OTHER)
    assert refused.returncode == 1
    assert "it judged the rollout sha256:" in refused.stdout
    unknown = harness_command("accept", whole, "--unsigned")
    assert unknown.returncode == 1
    assert "it is of rollout order-origin, whose file says what is asked" in unknown.stdout


def test_a_verdict_that_left_out_what_is_asked_is_refused(tmp_path: Path) -> None:
    rollout = load_rollout(ORDERS)
    asked = claims_of("after", rollout.name, rollout)
    file = tmp_path / "report.json"
    for left_out, reasons in (
        ("I1", ()),
        ("V9", ("it did not judge V9, which its rollout's file asks for",)),
    ):
        scope = ("after", *(f"without {name}" for name in sorted({"I1", "I2", "M4", left_out})))
        judged = [judgement(claim, observed=100) for claim in asked if claim.id != left_out]
        stored = report(*judged, policy=rollout.name, rollout=rollout_digest(rollout))
        by = JudgedBy.of("gate", scope, stored.judgements)
        file.write_text(to_json(structs.replace(stored, judged_by=by)))
        found = accept(AcceptOptions(file=file, unsigned=True, max_age="9999d", rollout=str(ORDERS)))
        assert found.reasons == reasons
