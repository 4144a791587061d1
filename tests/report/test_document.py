"""The report as JSON: stable, free of secrets, and the same report when it is read back."""

import json

import pytest
from msgspec.structs import replace

from harness.errors import UsageError
from harness.report.contents import Sections, Table
from harness.report.document import SCHEMA, Report, cleaned, from_json, to_json
from harness.verdict import Verdict
from tests.report.sample import HOSTILE, judgement, report, whole_report

FIELDS = [
    *(
        "schema",
        "harness",
        "verdict",
        "consequence",
        "label",
        "subject",
        "command",
        "target",
        "server",
        "policy",
    ),
    *("level", "extra_states", "seed", "started", "seconds", "rollout", "deployed", "shard"),
    *("inputs", "plan", "remarks", "judged_by", "claims", "sections"),
]
"""Of the first edition and since: none may go, or change its place."""


def test_report_is_the_same_after_it_was_written_and_read() -> None:
    written = replace(whole_report(HOSTILE), seconds=12.346)
    assert from_json(to_json(written)) == written


def test_a_report_without_a_secret_is_not_walked() -> None:
    def never(text: str) -> str:
        raise AssertionError(text)

    report = replace(whole_report(), target="https://me:geheim@example.com")
    assert cleaned(report, never, lambda octets: b"anders" in octets) is report
    assert "geheim" not in cleaned(report, is_in=lambda octets: b"geheim" in octets).target
    halved = replace(report, remarks=("\ud800",))
    assert "geheim" not in cleaned(halved, is_in=lambda _: False).target, "not to be told from octets"


def test_json_keeps_its_fields_and_their_order() -> None:
    assert list(json.loads(to_json(whole_report()))) == FIELDS


def test_json_of_a_later_harness_is_read_without_what_is_unknown() -> None:
    stored = json.loads(to_json(whole_report()))
    stored["weather"] = {"in": "Lisbon"}
    stored["claims"][0]["colour"] = "blue"
    stored["claims"][1]["findings"][0]["shape"] = "round"
    assert from_json(json.dumps(stored)) == cleaned(replace(whole_report(), seconds=12.346))


@pytest.mark.parametrize("missing", ["sections", "inputs", "target", "subject"])
def test_json_of_an_earlier_harness_is_read(missing: str) -> None:
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
        (f'{{"schema": "{SCHEMA}"}}', "missing required field `harness`"),
    ],
)
def test_text_that_is_no_report_is_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        from_json(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("claims", [None], "$.claims[0]"),
        ("claims", 1, "$.claims"),
        ("seed", "x", "$.seed"),
        ("seed", -1, "$.seed"),
        ("seed", True, "$.seed"),
        ("sections", [1], "$.sections"),
        ("sections", {"audit": [{"id": {}}]}, "$.sections.audit[0].id"),
        ("sections", {"timeline": "<img>"}, "$.sections.timeline"),
        ("sections", {"matrix": {"title": "", "columns": ["a"], "rows": [[]]}}, "$.sections.matrix"),
        ("plan", 3, "$.plan"),
        ("judged_by", {"command": "gate", "scope": "after", "claims": []}, "$.judged_by.scope"),
    ],
)
def test_damaged_report_is_refused_with_the_place(name: str, value: object, place: str) -> None:
    stored = json.loads(to_json(whole_report())) | {name: value}
    with pytest.raises(UsageError, match="damaged") as refused:
        from_json(json.dumps(stored))
    assert f"`{place}`" in str(refused.value)


def test_unknown_status_is_refused() -> None:
    stored = json.loads(to_json(whole_report()))
    stored["claims"][0]["status"] = "fine"
    with pytest.raises(UsageError, match=r"'fine' - at `\$.claims\[0\].status`"):
        from_json(json.dumps(stored))


def test_verdict_that_does_not_follow_from_the_claims_is_refused() -> None:
    stored = json.loads(to_json(whole_report())) | {"verdict": "GO"}
    with pytest.raises(UsageError, match="its verdict is GO, but NO-GO follows"):
        from_json(json.dumps(stored))


def test_secrets_are_masked_everywhere_and_the_json_stays_whole() -> None:
    secret = "Bearer geheim"
    told = whole_report(f"postgresql://me:geheim@db/x password=geheim --auth-token geheim {secret}")
    told = replace(told, command="harness gate --auth-token geheim --auth-email tester@example.com")
    text = to_json(told)
    assert json.loads(text)["command"] == "harness gate --auth-token *** --auth-email t***@***"
    assert "geheim" not in text
    assert "tester@" not in text


def test_section_of_a_later_harness_is_named_in_a_remark() -> None:
    stored = json.loads(to_json(whole_report()))
    stored["sections"]["weather"] = {"in": "Lisbon"}
    assert from_json(json.dumps(stored)).remarks[-1] == "not shown: weather, of a later harness; see the JSON"


def test_report_with_another_verdict_than_follows_is_not_made() -> None:
    with pytest.raises(ValueError, match="NO-GO follows"):
        replace(whole_report(), verdict=Verdict.GO)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_number_that_json_cannot_hold_is_refused(number: str) -> None:
    text = to_json(whole_report()).replace('"seconds": 12.346', f'"seconds": {number}')
    with pytest.raises(UsageError, match=r"no JSON|damaged"):
        from_json(text)


def test_table_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="row 1 has 1 cells, of 2 columns"):
        Table("t", ("a", "b"), (("1", "2"), ("3",)))


def test_sections_that_are_missing_are_not_written() -> None:
    bare: Report = report(judgement(whole_report().judgements[0].claim), sections=Sections())
    assert json.loads(to_json(bare))["sections"] == {}
