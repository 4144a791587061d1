"""Tables: aligned and whole in a pipe, folded on a terminal, nothing hidden in either."""

import io

from rich.console import Console

from harness.report.tables import Table, plain_lines, print_table

TABLE = Table(
    "Stalls",
    ("approach", "ms", "seen"),
    (("plain index", "1,007", "first line\nsecond line"), ("corrected", "-", "a\x1b[31mb")),
    notes=("a note",),
)


def printed(*, terminal: bool, width: int = 40) -> str:
    stream = io.StringIO()
    print_table(TABLE, Console(file=stream, force_terminal=terminal, width=width, color_system=None))
    return stream.getvalue()


def test_table_is_aligned_with_numbers_to_the_right() -> None:
    assert list(plain_lines(TABLE)) == [
        "approach        ms  seen",
        "plain index  1,007  first line",
        "                    second line",
        "corrected        -  a\\x1b[31mb",
    ]


def test_table_keeps_its_lines_whole_in_a_pipe_however_narrow() -> None:
    lines = printed(terminal=False, width=10).splitlines()
    assert lines == ["Stalls", *plain_lines(TABLE), "note: a note", ""]


def test_table_fits_a_terminal() -> None:
    text = printed(terminal=True)
    assert max(map(len, text.splitlines())) <= 40
    assert "second line" in text
    assert "a\\x1b[31mb" in text


def test_table_is_a_section_of_plain_values() -> None:
    assert TABLE.section() == {
        "title": "Stalls",
        "columns": ["approach", "ms", "seen"],
        "rows": [["plain index", "1,007", "first line\nsecond line"], ["corrected", "-", "a\x1b[31mb"]],
        "notes": ["a note"],
    }


def test_a_table_without_columns_is_no_line() -> None:
    assert list(plain_lines(Table("empty", (), ((), ())))) == []
