"""Every report that a test writes as JSON in this process fits the schema that is published for it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema_rs import Draft202012Validator
from msgspec import to_builtins

from harness.report.document import Report
from harness.verdict import Status

SCHEMA: Final = Path(__file__).resolve().parent.parent / "docs" / "report.schema.json"


def statuses(report: Report) -> dict[str, Status]:
    """Of each claim, by its id."""
    return {judgement.id: judgement.status for judgement in report.judgements}


def effect(report: Report, claim: str) -> str:
    """What the first finding says that refutes a claim."""
    (judgement,) = (judgement for judgement in report.judgements if judgement.id == claim)
    return judgement.findings[0].effect


@pytest.fixture(scope="session")
def report_schema() -> Draft202012Validator:
    """The published schema."""
    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.fixture(scope="session", autouse=True)
def written_reports_fit(report_schema: Draft202012Validator) -> Iterator[None]:
    def checked(report: Any) -> Any:
        written = to_builtins(report)
        report_schema.validate(json.loads(json.dumps(written, ensure_ascii=False).encode("utf-8", "replace")))
        return written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.report.document.to_builtins", checked)
        yield
