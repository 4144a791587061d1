"""What is recorded can be read, and a claim that stands otherwise is told by its subject."""

from tests.matrix.outcomes import differences, from_json, merged, to_json


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
