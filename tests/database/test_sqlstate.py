"""A SQLSTATE is told with PostgreSQL's name for it."""

import pytest

from harness.database.sqlstate import named


@pytest.mark.parametrize(
    ("sqlstate", "words"),
    [
        ("42703", "42703 undefined column"),
        ("25001", "25001 active sql transaction"),
        ("25006", "25006 read only sql transaction"),
        ("55P03", "55P03 lock not available"),
        ("23505", "23505 unique violation"),
        ("22012", "22012 division by zero"),
        ("40001", "40001 serialization failure"),
        ("57014", "57014 query canceled"),
        ("42P07", "42P07 duplicate table"),
        ("XX999", "XX999"),
        ("", "no SQLSTATE"),
        (None, "no SQLSTATE"),
    ],
)
def test_code_is_told_with_its_name(sqlstate: str | None, words: str) -> None:
    assert named(sqlstate) == words
