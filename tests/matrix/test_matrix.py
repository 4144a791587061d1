"""What is recorded can be read, and a claim that stands otherwise is told by its subject."""

from collections.abc import Iterator

import pytest

from harness.database.server import Server
from harness.database.templates import Templates
from harness.rule.suite import Level
from harness.run.trials import trials
from tests.matrix.outcomes import differences, from_json, merged, to_json
from tests.matrix.recorded import BEFORE, read
from tests.matrix.since import CHANGES, explained
from tests.matrix.subjects import Given, Run, commands, subjects


def _short() -> Iterator[tuple[str, Run]]:
    """Coverage first; of databases some, of rehearsals those that take seconds: other tests hold the rest."""
    yield from (subject for subject in commands() if subject[0].startswith("coverage"))
    yield from [subject for subject in commands() if subject[0].startswith("schema")][::10]
    yield from (subject for subject in commands() if subject[0].startswith("rehearse part-locks"))


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


def test_the_same_commands_were_run_before() -> None:
    (before,) = read(BEFORE).values()
    assert {name for name, _ in commands()} == before.keys()


def test_what_differs_since_has_a_reason_each() -> None:
    found = explained(read(BEFORE), read())
    assert [place for place, reason in found.items() if not reason] == []
    assert {change.reason for change in CHANGES} == {*found.values()}


def test_a_difference_that_nobody_knows_has_no_reason() -> None:
    before, now = read(BEFORE), read()
    now[Level.SMOKE]["schema base"] = from_json({"0": "exit"})
    assert explained(before, now)["schema base", "exit"] == ""


@pytest.mark.catalogue
@pytest.mark.parametrize(("name", "run"), [pytest.param(*subject, id=subject[0]) for subject in _short()])
def test_commands_answer_as_recorded(server: Server, templates: Templates, name: str, run: Run) -> None:
    outcomes = run(Given(server, templates))[name]
    assert differences(read()[Level.SMOKE][name], outcomes) == []
