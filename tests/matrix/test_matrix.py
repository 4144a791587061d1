"""What is recorded can be read, and a claim that stands otherwise is told by its subject."""

from harness.rule.suite import Level
from harness.run.trials import trials
from tests.matrix.outcomes import differences, from_json, merged, to_json
from tests.matrix.recorded import read
from tests.matrix.subjects import subjects


def test_outcomes_are_written_and_read() -> None:
    written = {"proven sampled": "C1 V1", "refuted sampled or unknown sampled": "R1", "NO-GO": "verdict"}
    assert to_json(from_json(written)) == written


def test_another_status_is_told() -> None:
    recorded = from_json({"proven sampled": "V1 V2", "refuted sampled or unknown sampled": "R1"})
    seen = from_json({"proven sampled": "V1 R1", "proven complete": "V2"})
    assert differences(recorded, seen) == [
        "V2: recorded proven sampled, now proven complete",
        "R1: recorded refuted sampled or unknown sampled, now proven sampled",
    ]


def test_a_claim_that_has_gone_or_come_is_told() -> None:
    one, other = from_json({"proven sampled": "V1"}), from_json({"proven sampled": "V2"})
    assert differences(one, other) == [
        "V1: recorded proven sampled, now absent",
        "V2: recorded absent, now proven sampled",
    ]
    assert differences(merged(one, other), one) == []


def test_every_subject_is_recorded() -> None:
    recorded = read()
    for level in Level:
        assert {name for name, _ in subjects(level)} - {"selftest"} <= recorded[level].keys()
    tried = {name for name in recorded[Level.SMOKE] if name.startswith("selftest ")}
    assert {f"selftest {trial.name}" for trial in trials()} <= tried
