"""The self-test of a rollout that is a folder: faults of its rule are killed by the claim meant for them."""

import pytest

from harness.backend.rollout_builds import HARMLESS, rollout_build
from harness.data import fixture_path
from harness.database.server import Server
from harness.errors import UsageError
from harness.rollout import load_rollout
from harness.run.options.selftest import SelftestOptions
from harness.run.rollout_trials import TRIED_MAX, describe_faults, rollout_trials, sample
from harness.run.selftest import selftest
from harness.run.trials import Trial

NAMES = ("machine-id", "feature", "length-only")
FIRST_LINE = "slip-of-several-lines-the-first-counts"


@pytest.mark.parametrize("name", NAMES)
def test_faults_of_each_operator_and_variants_are_tried(name: str) -> None:
    trials = rollout_trials(load_rollout(fixture_path(f"rollouts/{name}")))
    faults = [trial for trial in trials if trial.meant]
    harmless = [trial for trial in trials if not trial.meant]
    assert 10 <= len(faults) <= TRIED_MAX
    assert {trial.meant for trial in faults} <= {"V1", "V2", "V3", "V5"}
    assert len(harmless) == len(HARMLESS) >= 5
    operators = [trial.name.partition(" ")[2] for trial in faults]
    assert len(set(operators)) >= 7
    assert max(map(operators.count, operators)) - min(map(operators.count, operators)) <= 2


def test_sample_takes_the_first_of_each_kind_first() -> None:
    trials = [Trial(str(number), "", "V1", ()) for number in range(6)]
    assert [trial.name for trial in sample(trials, list("aaabbc"), 4)] == ["0", "3", "5", "1"]


def test_faults_that_no_header_tells_are_counted_and_named() -> None:
    told = describe_faults(load_rollout(fixture_path("rollouts/machine-id")))
    assert told.startswith("20 of 50 faults, 41 of which a header tells from the rule; 9 not told apart: ")
    assert "what is accepted is stored trimmed" in told


def test_fault_that_is_none_is_refused_with_those_that_are() -> None:
    rollout = load_rollout(fixture_path("rollouts/machine-id"))
    assert (
        rollout_build(rollout, "slip-499-units-are-taken-not-500").summary == "499 units are taken, not 500"
    )
    with pytest.raises(UsageError, match=r"unknown build 'slip-none' .*; there are before, after, .*slip-"):
        rollout_build(rollout, "slip-none")


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("machine-id", ("slip-499-units-are-taken-not-500 ", "harmless closes")),
        ("feature", ("slip-the-word-vscode-extension-is-not-known ", f"{FIRST_LINE} ")),
    ],
)
def test_faults_are_killed_and_variants_spared(server: Server, name: str, only: tuple[str, ...]) -> None:
    options = SelftestOptions(server.dsn("postgres"), only=only, rollout=fixture_path(f"rollouts/{name}"))
    report = selftest(options, lambda _: None)
    trials = report.sections.selftest.trials if report.sections.selftest else ()
    assert [trial.name.partition(" ")[0] + " " in " ".join(only) + " " for trial in trials] == [True] * len(
        only
    )
    assert all(trial.right for trial in trials)
    assert report.subject == load_rollout(fixture_path(f"rollouts/{name}")).header.name
