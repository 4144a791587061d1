"""Tables: aligned and whole in a pipe, folded on a terminal, nothing hidden in either."""

import io

import pytest
from msgspec import to_builtins
from rich.console import Console

from harness.report.contents import Table
from harness.report.tables import plain_lines, print_table

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
    assert to_builtins(TABLE) == {
        "title": "Stalls",
        "columns": ("approach", "ms", "seen"),
        "rows": (("plain index", "1,007", "first line\nsecond line"), ("corrected", "-", "a\x1b[31mb")),
        "notes": ("a note",),
    }


def test_a_table_without_columns_is_no_line() -> None:
    assert list(plain_lines(Table("empty", (), ((), ())))) == []


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100])
@pytest.mark.parametrize("columns", [1, 3, 8, 12])
def test_table_wider_than_a_terminal_is_told_row_by_row(width: int, columns: int) -> None:
    names = tuple(f"column{number}" for number in range(columns))
    table = Table("Wide", names, (tuple("1,234,567" for _ in names), tuple("-" for _ in names)))
    stream = io.StringIO()
    print_table(table, Console(file=stream, force_terminal=True, width=width, color_system=None))
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert text.count("1,234,567") == columns
    assert all(name in text for name in names)


@pytest.mark.parametrize("width", [20, 40])
def test_long_first_column_is_not_cut(width: int) -> None:
    table = Table("Wide", ("name", "n"), (("x" * 90, "1"), ("y", "2")))
    stream = io.StringIO()
    print_table(table, Console(file=stream, force_terminal=True, width=width, color_system=None))
    assert stream.getvalue().count("x") == 90
    assert max(map(len, stream.getvalue().splitlines())) <= width
