"""Nothing secret and nothing that a terminal would act on gets through."""

import pytest

from harness.report.escape import masked, shown, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as signed.in@example.com", "as s***@***"),
        ("signed.in@example.com: stored", "s***@***: stored"),
        ("Authorization: Bearer eyJhbGciOi.x.y", "Authorization: Bearer ***"),
        ("postgresql://me:secret@db.example.com:5432/x", "postgresql://me:***@db.example.com:5432/x"),
        ("me@db.example.com:5432/x refuses", "me@db.example.com:5432/x refuses"),
        ("me@127.0.0.1:1/x refuses", "me@127.0.0.1:1/x refuses"),
        ("host=x password='a b' user=y", "host=x password=*** user=y"),
    ],
)
def test_masked_hides_people_tokens_and_passwords_only(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_shown_escapes_control_bytes_and_tells_the_length_of_a_long_value() -> None:
    assert shown(b"a\x1b[31m\\\x00\xe9") == r'"a\x1b[31m\x5c\x00\xe9"'
    assert shown(b"a" * 300) == f'"{"a" * 80}"... (300 bytes)'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é 中 ✓\n\tindented", "plain é 中 ✓\n\tindented"),
        ("\x00\x07\x1b[31m\r\x7f\x85", r"\x00\x07\x1b[31m\x0d\x7f\x85"),
        ("abc\u202etxt\u200b\ufeff\u2028", r"abc\u202etxt\u200b\ufeff\u2028"),
        ("\ud800 \ufffe \uffff \U0001fffe", r"\ud800 \ufffe \uffff \U0001fffe"),
    ],
)
def test_visible_shows_what_could_not_be_seen_and_leaves_the_rest(text: str, expected: str) -> None:
    assert visible(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gate --auth-token eyJ.x.y --level smoke", "gate --auth-token *** --level smoke"),
        ("--auth-token='a b' --password=x", "--auth-token=*** --password=***"),
    ],
)
def test_masked_hides_the_value_of_a_secret_option(text: str, expected: str) -> None:
    assert masked(text) == expected
