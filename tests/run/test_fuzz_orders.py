"""The fuzzer and its replay work on a service of another world by its rollout's folder alone."""

from pathlib import Path

import pytest

from tests.command import harness_command
from tests.fix_orders import ORDERS, Orders

pytestmark = pytest.mark.usefixtures("own_journals")


def test_a_counterexample_is_found_and_replayed(
    orders: Orders, orders_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    where = ("--database-url", orders_dsn, "--rollout", str(ORDERS))
    wrong = orders("any-case")
    found = harness_command("fuzz", "--target", wrong, *where, "--examples", "400", "--seed", "1")
    assert found.returncode == 1, found.stderr
    assert "found: V" in found.stdout
    assert f"--rollout {ORDERS}" in found.stdout
    [file] = map(str, tmp_path.glob("harness-find-*.json"))
    again = harness_command("replay", file, *where)
    assert again.returncode == 1, again.stderr
    assert "STILL FAILS" in again.stdout
    fixed = harness_command("replay", file, "--target", orders(), *where)
    assert fixed.returncode == 0, fixed.stderr
    assert "FIXED" in fixed.stdout
    refused = harness_command("replay", file, "--database-url", orders_dsn)
    assert refused.returncode == 2
    assert "the file is of rollout order-origin, and no --rollout is given" in refused.stderr


def test_the_right_service_has_none(orders: Orders, orders_dsn: str) -> None:
    options = ("--database-url", orders_dsn, "--rollout", str(ORDERS), "--examples", "5")
    done = harness_command("fuzz", "--target", orders(), *options)
    assert (done.returncode, "nothing found" in done.stdout) == (0, True), done.stdout + done.stderr


def test_rollout_without_a_reference_is_not_fuzzed_by_itself() -> None:
    refused = harness_command("fuzz", "--rollout", str(ORDERS))
    assert refused.returncode == 2
    assert "name a backend of your own with --target" in refused.stderr
