"""The gate judges a service of another world by its rollout's folder alone: other tables, no accounts, its own rule."""

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from harness.rollout import load_rollout
from harness.rule.policy import policy_of
from harness.rule.suite import Level, suite
from harness.run.options.gate import GateOptions
from harness.verdict import Method, Status, Verdict
from tests.command import harness_command
from tests.fix_gate import Judge, with_status
from tests.fix_orders import ORDERS, Orders

pytestmark = pytest.mark.usefixtures("own_journals")

ASKED = {"V1", "V2", "V3", "V4", "V5", "V8", "V9", "V10", "C2", "R1", "R3", "M3", "D1"}
FAULTS = {
    "longer": "V2",
    "shorter": "V1",
    "any-case": "V3",
    "not-anchored": "V2",
    "more-letters": "V3",
    "lowered": "V3",
    "last-line": "V3",
    "joined-lines": "V1",
    "row-lost": "R1",
    "other-column": "R3",
    "reply-altered": "V4",
    "refused": "V4",
    "remembered": "V5",
    "never-stored": "V1",
}
"""Each with the claim that is meant for it."""


def of_orders(url: str, dsn: str, level: Level = Level.SMOKE) -> GateOptions:
    return GateOptions(url, dsn, rollout=ORDERS, level=level, watch_rows_s=0.0)


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize("level", [Level.SMOKE, Level.STANDARD])
async def test_a_service_of_another_world_is_go_by_its_folder(
    orders: Orders, orders_dsn: str, run_gate: Judge, level: Level
) -> None:
    report = await run_gate(of_orders(orders(), orders_dsn, level))
    assert with_status(report, Status.PROVEN) == ASKED, report.remarks
    assert report.verdict is Verdict.GO
    assert report.subject == "x-request-origin"
    [remark] = [one for one in report.remarks if one.startswith("not asked")]
    assert "I2 (no identity has a user)" in remark
    assert "M4 (no index is built concurrently)" in remark


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize(("fault", "claim"), FAULTS.items())
async def test_each_fault_is_refuted_by_the_claim_meant_for_it(
    orders: Orders, orders_dsn: str, run_gate: Judge, fault: str, claim: str
) -> None:
    report = await run_gate(of_orders(orders(fault), orders_dsn))
    assert report.verdict is Verdict.NO_GO
    assert claim in with_status(report, Status.REFUTED)


SHARDS = 1_000


@pytest.mark.catalogue(every=1)
async def test_a_shard_with_an_extra_state_finds_what_needs_one(
    orders: Orders, orders_dsn: str, run_gate: Judge
) -> None:
    """After `q` the service is in a state of its own, and takes a dot for a letter; without extra states none asks."""
    policy = policy_of(load_rollout(ORDERS))
    telling = b"q.-aaaaaaaa"
    assert telling not in {*suite(policy, Level.EXHAUSTIVE)}
    place = next(place for place, text in enumerate(suite(policy, Level.EXHAUSTIVE, 1)) if text == telling)
    shard = f"{place % SHARDS + 1}/{SHARDS}"
    for fault, refuted in (("dot-behind-q", {"V3"}), ("none", set())):
        options = replace(of_orders(orders(fault), orders_dsn, Level.EXHAUSTIVE), extra_states=1, shard=shard)
        report = await run_gate(options)
        assert report.shard is not None
        assert report.shard.probes >= 7_000
        assert with_status(report, Status.REFUTED) == refuted
        judged = {one.id: one for one in report.judgements}
        assert judged["V1"].method is Method.COMPLETE
        assert "deterministic implementations of at most 14 states" in judged["V1"].detail
        assert ("q.-aaaaaaaa" in str(judged["V3"].findings)) is bool(refuted)


async def test_another_status_than_the_files_is_no_go_ahead(
    orders: Orders, orders_dsn: str, run_gate: Judge, tmp_path: Path
) -> None:
    folder = tmp_path / "orders"
    copytree(ORDERS, folder)
    file = folder / "rollout.toml"
    file.write_text(file.read_text().replace("statuses = [201]", "statuses = [200, 202]"))
    report = await run_gate(replace(of_orders(orders(), orders_dsn), rollout=folder))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "served with 201, the rollout's file says 200 or 202" in str(report)


def test_the_command_line_needs_the_folder_alone(orders: Orders, orders_dsn: str) -> None:
    options = ("--database-url", orders_dsn, "--rollout", str(ORDERS), "--level", "smoke")
    judged = harness_command("gate", "--backend-url", orders(), *options)
    assert judged.returncode == 0, judged.stderr
    assert "GO: 13 proven" in judged.stdout
    compared = harness_command("schema", "--database-url", orders_dsn, "--rollout", str(ORDERS))
    assert (compared.returncode, compared.stderr) == (0, "")
    assert "no differences from what rollout order-origin declares of order_audit" in compared.stdout
