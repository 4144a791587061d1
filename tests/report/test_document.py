"""The report as JSON: stable, free of secrets, and the same report when it is read back."""

import json
import math
from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.report import document
from harness.report.document import SCHEMA, cleaned, from_json, to_json
from harness.verdict import Verdict
from tests.report.sample import HOSTILE, judgement, report, whole_report

FIELDS = [line.split()[0] for line in (document.__doc__ or "").split("=\n")[1].splitlines()[:-1]]


def test_report_is_the_same_after_it_was_written_and_read() -> None:
    written = replace(whole_report(HOSTILE), seconds=12.346)
    assert from_json(to_json(written)) == written


def test_json_has_exactly_the_fields_that_are_documented() -> None:
    assert list(json.loads(to_json(whole_report()))) == FIELDS
    assert len(FIELDS) > 10


def test_json_of_a_later_harness_is_read_without_what_is_unknown() -> None:
    stored = json.loads(to_json(whole_report()))
    stored["weather"] = {"in": "Lisbon"}
    stored["claims"][0]["colour"] = "blue"
    stored["claims"][1]["findings"][0]["shape"] = "round"
    assert from_json(json.dumps(stored)) == cleaned(replace(whole_report(), seconds=12.346))


@pytest.mark.parametrize("missing", ["sections", "inputs", "target", "subject"])
def test_json_of_an_earlier_harness_is_read_without_what_came_later(missing: str) -> None:
    stored = json.loads(to_json(whole_report()))
    del stored[missing]
    assert from_json(json.dumps(stored)).verdict is Verdict.NO_GO


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "schema None"),
        ('{"schema": "harness.report/2"}', "schema 'harness.report/2' is not harness.report/1"),
        (f'{{"schema": "{SCHEMA}"}}', "no field 'command'"),
    ],
)
def test_text_that_is_no_report_is_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        from_json(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"), [("claims", [None]), ("claims", 1), ("seed", "x"), ("sections", [1]), ("plan", 3)]
)
def test_damaged_report_is_refused(name: str, value: object) -> None:
    stored = json.loads(to_json(whole_report())) | {name: value}
    with pytest.raises(UsageError, match="damaged"):
        from_json(json.dumps(stored))


def test_unknown_status_is_refused() -> None:
    stored = json.loads(to_json(whole_report()))
    stored["claims"][0]["status"] = "fine"
    with pytest.raises(UsageError, match="'fine' is not a valid Status"):
        from_json(json.dumps(stored))


def test_verdict_that_does_not_follow_from_the_claims_is_refused() -> None:
    stored = json.loads(to_json(whole_report())) | {"verdict": "GO"}
    with pytest.raises(UsageError, match="says 'GO', but NO-GO follows"):
        from_json(json.dumps(stored))


def test_secrets_are_masked_everywhere_and_the_json_stays_whole() -> None:
    secret = "Bearer geheim"
    told = whole_report(f"postgresql://me:geheim@db/x password=geheim --auth-token geheim {secret}")
    told = replace(told, command="harness gate --auth-token geheim --auth-email tester@example.com")
    text = to_json(told)
    assert json.loads(text)["command"] == "harness gate --auth-token *** --auth-email t***@***"
    assert "geheim" not in text
    assert "tester@" not in text


def test_number_that_json_cannot_hold_becomes_null() -> None:
    told = report(judgement(whole_report().judgements[0].claim), sections={"odds": [math.inf, math.nan, 1.5]})
    assert json.loads(to_json(told))["sections"] == {"odds": [None, None, 1.5]}
