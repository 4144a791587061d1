"""Phrases of all formats: advice only where it is needed, no backticks where they would be shown, no line twice."""

import pytest
from msgspec import structs

from harness.report.contents import AuditedSentence
from harness.report.phrases import advice, without_backticks
from harness.verdict import Status

ITEM = AuditedSentence(
    "A1", "a sentence", "a quote", "a section", Status.REFUTED, Status.REFUTED, "seen", "do this"
)


@pytest.mark.parametrize(
    ("status", "expected", "told"),
    [
        (Status.REFUTED, Status.REFUTED, ("workaround", "do this")),
        (Status.REFUTED, Status.PROVEN, ("workaround", "do this")),
        (Status.UNKNOWN, Status.REFUTED, ("workaround", "do this")),
        (Status.UNKNOWN, Status.PROVEN, ("workaround", "do this")),
        (Status.PROVEN, Status.PROVEN, ("note", "do this")),
        (Status.PROVEN, Status.REFUTED, None),
        (Status.PROVEN, Status.UNKNOWN, None),
    ],
)
def test_proven_sentence_has_no_workaround(
    status: Status, expected: Status, told: tuple[str, str] | None
) -> None:
    assert advice(structs.replace(ITEM, status=status, expected=expected)) == told
    assert advice(structs.replace(ITEM, status=status, expected=expected, workaround="")) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("before any `after` replica", "before any after replica"),
        ("`a` and `b`", "a and b"),
        ("a lone ` stays", "a lone ` stays"),
        ("``", "``"),
        ("", ""),
        ("`x", "`x"),
        ("`CREATE INDEX` cannot", "CREATE INDEX cannot"),
        ("`a``b`", "ab"),
        ("a `b` ` c", "a b ` c"),
        ("no code", "no code"),
    ],
)
def test_code_is_shown_without_its_backticks(text: str, shown: str) -> None:
    assert without_backticks(text) == shown
