"""The fuzzer has a reference of any rollout whose file gives its INSERT: right, or with a fault of the rule's own."""

from pathlib import Path

import pytest

from harness.backend.slips import slips
from harness.database.server import Server
from harness.rollout import load_rollout
from harness.rule.policy import policy_of
from tests.command import harness_command
from tests.run.test_renamed_rollout import renamed_copy


def test_reference_of_a_renamed_copy_is_fuzzed_and_replayed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = renamed_copy(tmp_path / "copy")
    monkeypatch.chdir(tmp_path)
    where = ("--rollout", str(folder), "--postgres", server.dsn("postgres"))
    right = harness_command("fuzz", *where, "--examples", "5")
    assert (right.returncode, "nothing found" in right.stdout) == (0, True), right.stdout + right.stderr
    build = next(iter(slips(policy_of(load_rollout(folder)))))
    found = harness_command("fuzz", *where, "--examples", "200", "--build", build)
    assert found.returncode == 1, found.stdout + found.stderr
    assert f"--rollout {folder}" in found.stdout
    [file] = map(str, tmp_path.glob("harness-find-*.json"))
    again = harness_command("replay", file, *where)
    assert (again.returncode, "STILL FAILS" in again.stdout) == (1, True), again.stdout + again.stderr
    fixed = harness_command("replay", file, *where, "--build", "after")
    assert (fixed.returncode, "FIXED" in fixed.stdout) == (0, True), fixed.stdout + fixed.stderr
