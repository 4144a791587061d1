"""The published JSON Schema is that of the types, says what each field is, and refuses what the types refuse."""

import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, ValidationError, meta
from msgspec.structs import replace

from harness.errors import UsageError
from harness.report.document import from_json, to_json
from harness.report.schema import report_schema as made
from harness.report.schema import to_text
from tests.fix_report import SCHEMA
from tests.report.sample import HOSTILE, whole_report


def test_published_schema_is_made_from_the_types() -> None:
    told = "run python -m harness.report.schema > docs/report.schema.json"
    assert SCHEMA.read_text(encoding="utf-8") == to_text(), told


def test_schema_is_one_of_its_dialect() -> None:
    meta.validate(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_every_type_and_most_fields_are_described() -> None:
    types: dict[str, Any] = made()["$defs"]
    assert [name for name, kind in types.items() if not kind.get("description")] == []
    orders = types["Orders"]["properties"]
    assert orders["walks"]["description"] == "Test paths that were taken."
    assert orders["minimal_unsafe_order"]["description"].startswith("The shortest unsafe sequence")


def test_hostile_report_fits(report_schema: Draft202012Validator) -> None:
    text = to_json(whole_report(HOSTILE)).replace(
        "\\ud800", "?"
    )  # half a character: no string of the validator's
    report_schema.validate(json.loads(text))


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "PERHAPS"},
        {"seed": -1},
        {"seed": "7"},
        {"claims": [{"id": "V1"}]},
        {"sections": {"timeline": "<script>"}},
        {"sections": {"orders": {}}},
        {"schema": "harness.report/2"},
        {"judged_by": []},
    ],
)
def test_schema_refuses_what_the_types_refuse(
    change: dict[str, Any], report_schema: Draft202012Validator
) -> None:
    changed = json.loads(to_json(whole_report())) | change
    with pytest.raises(ValidationError):
        report_schema.validate(changed)
    with pytest.raises(UsageError):
        from_json(json.dumps(changed))


def test_report_of_a_later_harness_fits(report_schema: Draft202012Validator) -> None:
    later = json.loads(to_json(whole_report())) | {"weather": {"in": "Lisbon"}}
    later["sections"]["tides"] = []
    report_schema.validate(later)


def test_hook_of_all_tests_checks_what_is_written() -> None:
    with pytest.raises(ValidationError):
        to_json(replace(whole_report(), seed=-1))
