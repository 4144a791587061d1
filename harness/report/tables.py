"""Tables of a report that are no claims, measurements and outcomes, on a terminal and in a pipe.

On a terminal a table fits its width, row by row where its columns are too many; in a pipe every line is whole, however
long, so that a log can be searched.
"""

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from harness.report.contents import Requests, SentRequest, Table
from harness.report.document import Report
from harness.report.escape import masked, visible
from harness.report.phrases import without_backticks

ROWS_MAX: Final = 500
"""Rows of requests that are shown; a gate journals thousands."""


def tables_of(report: Report) -> dict[str, Table]:
    """Every section of a report that is shown as a table, by name, in the order of the JSON."""
    sections = report.sections
    found = {
        "breaks": sections.breaks,
        "matrix": sections.matrix,
        "locks": sections.locks,
        "traps": sections.traps,
        "stalls": sections.stalls,
        "statements": sections.statements,
        "requests": requests_table(sections.requests) if sections.requests else None,
    }
    return {name: table for name, table in found.items() if table is not None}


def requests_table(requests: Requests) -> Table:
    """What the gate sent, a row each, at most `ROWS_MAX`."""
    title = f"sent {requests.sent}, run {requests.run}, journal {requests.journal}"
    rows = tuple(
        tuple(_cell(getattr(request, name)) for name in SentRequest.__struct_fields__)
        for request in requests.listed[:ROWS_MAX]
    )
    left_out = len(requests.listed) - len(rows)
    notes = (f"{left_out:,} more are in the JSON",) if left_out else ()
    return Table(title, SentRequest.__struct_fields__, rows, notes)


def _cell(value: bool | int | str | tuple[str, ...] | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "\n".join(value)
    return "" if value is None else str(value)


def print_table(table: Table, console: Console) -> None:
    """Writes title, table and notes; numbers to the right."""
    console.print(Text(_safe(table.title), style="bold underline"), soft_wrap=True)
    if console.is_terminal and _least_width(table) <= console.width:
        console.print(_grid(table))
    elif console.is_terminal:
        for row in table.rows:
            console.print(_block(table, row))
    else:
        for line in plain_lines(table):
            console.print(Text(line), soft_wrap=True)
    for note in table.notes:
        console.print(Text(f"note: {_safe(without_backticks(note))}"), soft_wrap=True)
    console.print()


def plain_lines(table: Table) -> Iterator[str]:
    """The table as text, its columns aligned and none of its lines cut."""
    cells = [[_safe(cell).split("\n") for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(len(line) for row in cells for line in row[place]) for place in range(len(table.columns))]
    numeric = [_is_numeric(table, place) for place in range(len(table.columns))]
    for row in cells:
        for number in range(max(map(len, row), default=0)):
            line = [
                (cell[number] if number < len(cell) else "").rjust(width)
                if right
                else (cell[number] if number < len(cell) else "").ljust(width)
                for cell, width, right in zip(row, widths, numeric, strict=True)
            ]
            yield "  ".join(line).rstrip()


def _grid(table: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for place, column in enumerate(table.columns):
        numeric = _is_numeric(table, place)
        grid.add_column(column, justify="right" if numeric else "left", no_wrap=place == 0, overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(_safe(cell)) for cell in row))
    return grid


def _least_width(table: Table) -> int:
    """Characters that the table needs so that no word in it is split, and the first column stands in one line."""
    columns = list(zip(table.columns, *table.rows, strict=True))
    words = [word for cell in columns[0] for word in _safe(cell).split("\n")] if columns else []
    widths = [max(map(len, words), default=0)]
    widths += [
        max((len(word) for cell in column for word in _safe(cell).split()), default=0)
        for column in columns[1:]
    ]
    return sum(widths) + 2 * len(widths)


def _block(table: Table, row: tuple[str, ...]) -> Text:
    lines = (f"{_safe(name)}: {_safe(cell)}" for name, cell in zip(table.columns, row, strict=True))
    return Text("\n".join((*lines, "")), overflow="fold")


def _safe(text: str) -> str:
    return visible(masked(text))


def _is_numeric(table: Table, place: int) -> bool:
    """Whether every cell of a column holds numbers, or a dash for none."""
    return all(set(row[place]) <= set("0123456789,. -") for row in table.rows)
