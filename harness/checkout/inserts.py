"""INSERTs in source: the columns of a raw statement beside the values at their positions."""

import re
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from harness.checkout.source import text_of
from harness.checkout.values import Hop, Value

FILLER: Final = "\ue000"
"""Stands for a substitution, as many times as that has characters: places in the text stay the same."""
_INSERT: Final = re.compile(
    rf"(?i)\bINSERT\s+INTO\s+(?:\w+\s*\.\s*)?(?P<table>\"?[\w]+\"?|{FILLER}+)\s*(?:AS\s+\w+\s*)?"
)
_END: Final = re.compile(r"(?i)\b(?:FROM|WHERE|ON\s+CONFLICT|RETURNING|UNION|LIMIT|ORDER\s+BY)\b")


@dataclass(frozen=True, slots=True)
class InsertColumn:
    """A column of an INSERT, and what stands at its position."""

    name: str
    line: int
    values: tuple[Value, ...]
    """What is substituted there; none where the statement says it itself."""
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """An INSERT that is reached, with the calls that lead there."""

    hop: Hop
    table: str
    columns: tuple[InsertColumn, ...]
    is_read: bool
    """Whether columns and values could be matched by position."""
    columns_line: int
    columns_line_last: int
    values_line: int
    calls: tuple[Hop, ...]

    def column(self, name: str) -> InsertColumn | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)


def raw_insert(
    template: Node, substitutions: list[tuple[Node, Value]], table: str, hop: Hop, calls: tuple[Hop, ...]
) -> Insert | None:
    """The INSERT into a table that a template holds; None where it holds none."""
    text, first = _filled(template, substitutions), template.start_point.row + 1
    for match in _INSERT.finditer(text):
        named = match["table"].strip('"')
        if named.startswith(FILLER):
            named = next(
                (v.table for _, v in _at(substitutions, template, match.start("table"), match.end("table"))),
                "",
            )
        if named.lower() != table.lower():
            continue
        columns = _parenthesised(text, match.end())
        if columns is None:
            return Insert(hop, table, (), False, hop.line, hop.line, hop.line, calls)
        after = re.compile(
            r"(?is)\s*(?:OVERRIDING\s+\w+\s+VALUE\s*)?(VALUES\s*(?=\()|SELECT\b(?:\s+DISTINCT)?)"
        ).match(text, columns[1] + 1)
        if after is None:
            return Insert(hop, table, (), False, hop.line, hop.line, hop.line, calls)
        if after[1].upper().startswith("VALUES"):
            bounds = _parenthesised(text, after.end()) or (after.end(), len(text))
            values = _split(text, bounds[0], bounds[1])
        else:
            values = _split(text, after.end(), _end_of_list(text, after.end()))
        names = _split(text, *columns)
        made = []
        for index, (begin, end) in enumerate(names):
            place = values[index] if index < len(values) else None
            held = () if place is None else tuple(v for _, v in _at(substitutions, template, *place))
            name = text[begin:end].strip().strip('"')
            line = first + text.count("\n", 0, begin + len(text[begin:end]) - len(text[begin:end].lstrip()))
            made.append(
                InsertColumn(name, line, held, "" if place is None else text[place[0] : place[1]].strip())
            )
        where = [first + text.count("\n", 0, at) for at in (columns[0] - 1, columns[1], after.start(1))]
        is_read = FILLER not in text[columns[0] : columns[1]]
        return Insert(hop, table, tuple(made), is_read, where[0], where[1], where[2], calls)
    return None


def built_insert(given: Value, table: Value, hop: Hop, calls: tuple[Hop, ...]) -> Insert:
    """The INSERT that `db.insert(table).values(given)` sends: an absent field is DEFAULT there."""
    columns = tuple(
        InsertColumn(table.columns.get(key, key), hop.line, (value,), "")
        for key, value in given.fields.items()
    )
    return Insert(
        hop,
        table.table,
        columns,
        given.is_closed or bool(given.fields),
        hop.line,
        hop.line_last,
        hop.line,
        calls,
    )


def _filled(template: Node, substitutions: list[tuple[Node, Value]]) -> str:
    data = bytearray(template.text or b"")
    text = data.decode("utf-8", "replace")
    for node, _ in substitutions:
        # By characters, since the text may hold more bytes than these.
        begin = len(data[: node.start_byte - template.start_byte].decode("utf-8", "replace"))
        held = text_of(node)
        filled = "".join("\n" if char == "\n" else FILLER for char in held)
        text = text[:begin] + filled + text[begin + len(held) :]
    return re.sub(r"--[^\n]*|/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.DOTALL)


def _at(
    substitutions: list[tuple[Node, Value]], template: Node, begin: int, end: int
) -> list[tuple[Node, Value]]:
    data = template.text or b""
    found = []
    for node, value in substitutions:
        at = len(data[: node.start_byte - template.start_byte].decode("utf-8", "replace"))
        if begin <= at < end:
            found.append((node, value))
    return found


def _parenthesised(text: str, at: int) -> tuple[int, int] | None:
    """Where the text within the next parentheses begins and ends."""
    while at < len(text) and text[at].isspace():
        at += 1
    if at >= len(text) or text[at] != "(":
        return None
    depth = 0
    for place in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return at + 1, place
    return None


def _split(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    """The parts between commas that stand in no parentheses and no quotes."""
    parts: list[tuple[int, int]] = []
    depth, start, quote = 0, begin, ""
    for at in range(begin, end):
        char = text[at]
        if quote or char in "'\"":
            quote = "" if char == quote else quote or char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and depth == 0:
            parts.append((start, at))
            start = at + 1
    return [*parts, (start, end)] if text[start:end].strip() else parts


def _end_of_list(text: str, begin: int) -> int:
    depth = 0
    for at in range(begin, len(text)):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
        if depth < 0 or text[at] in ";`" or (depth == 0 and _END.match(text, at)):
            return at
    return len(text)
