"""What a rollout's file declares of its tables: the column that it adds, the indexes, and what rows are found by. Pure.

Indexes are those that its own steps build, and those that its baseline has on the same table.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import sqlparse

from harness.database.declaration import Column, Index, declared_index
from harness.rollout import Rollout, load_rollout
from harness.rollout.identities import by_address_users
from harness.rollout.tables import DetailTable, MainTable

_NAME: Final = r'(?:"(?P<{0}_quoted>[^"]+)"|(?P<{0}_plain>\w+))'
_INDEX: Final = re.compile(
    r"CREATE\s+INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?"
    + _NAME.format("index")
    + r"\s+ON\s+(?:ONLY\s+)?"
    + _NAME.format("table")
    + r"\s*(?:USING\s+btree\s*)?\(\s*"
    + _NAME.format("column")
    + r"\s*\)\s*;?\s*$",
    re.IGNORECASE,
)
"""A plain btree index over one column."""
_ADDS: Final = re.compile(r"\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class DeclaredStore:
    """The tables of one rollout as its file declares them."""

    rollout: Rollout

    @property
    def main(self) -> MainTable:
        """The table with a row for each request."""
        return self.rollout.tables.store.main

    @property
    def detail(self) -> DetailTable | None:
        """The other one, where there is one."""
        return self.rollout.tables.store.detail

    @property
    def table(self) -> str:
        """The table that has the column."""
        return (self.detail and self.detail.table) or self.main.table

    @property
    def key(self) -> str:
        """Its column that equals the main table's key."""
        return (self.detail and self.detail.key) or self.main.key

    @property
    def tables(self) -> tuple[str, ...]:
        """Both tables, the main one first."""
        return tuple(dict.fromkeys((self.main.table, self.table)))

    @cached_property
    def column(self) -> Column:
        """The column that is rolled out: nullable, without a default, so that old writers and rows are safe with it."""
        table = self.detail or self.main
        return Column(table.column or "", table.type, not_null=False, default=None, volatile_default=False)

    @cached_property
    def indexes(self) -> Mapping[str, str]:
        """The plain indexes of the table by their names, each with its column, those of the baseline first."""
        rollout = self.rollout
        baseline = rollout.tables.reference.baseline
        files = [*([baseline] if baseline else []), *self._ups]
        found = (index for file in files for index in _plain_indexes(rollout.text(file)))
        return {name: column for name, table, column in found if table == self.table}

    @cached_property
    def index(self) -> Index | None:
        """The index on the column; None where none is declared."""
        name = next((name for name, column in self.indexes.items() if column == self.column.name), None)
        return declared_index(name, self.column.name) if name else None

    @cached_property
    def baseline_columns(self) -> tuple[tuple[str, str, str], ...]:
        """Each column of the tables before the rollout: table, name, type as the file writes it."""
        baseline = self.rollout.tables.reference.baseline
        return tuple(_created_columns(self.rollout.text(baseline))) if baseline else ()

    @cached_property
    def view(self) -> str | None:
        """The view that comes to read the column; None where the rollout has none."""
        view = self.rollout.tables.reference.view
        found = _CREATE_VIEW.search(self.rollout.text(view.up)) if view else None
        return _name(found, "view") if found else None

    @property
    def column_file(self) -> str:
        """The file of the step that adds the column."""
        texts = {file: self.rollout.text(file) for file in self._ups}
        named = re.compile(_ADDS.pattern + f'"?{re.escape(self.column.name)}\\b', re.IGNORECASE)
        return next((file for file, text in texts.items() if named.search(text)), "the step that adds it")

    @property
    def index_file(self) -> str:
        """The file of the step that builds the index."""
        for file in self._ups:
            found = _plain_indexes(self.rollout.text(file))
            if any(column == self.column.name for _, _, column in found):
                return file
        return "the step that builds it"

    @property
    def users(self) -> tuple[str, ...]:
        """Ids of users that a run may make, for the main table's user column."""
        return by_address_users(self.rollout.tables)

    @property
    def identifying(self) -> frozenset[str]:
        """Columns of the table of which each row, or each reply, has its own."""
        detail = self.detail or self.main
        return frozenset(name for name in (self.key, detail.reply_id) if name)

    @cached_property
    def needed(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each table without which rows can be neither matched nor judged."""
        main, detail = self.main, self.detail
        own = (main.key, main.user, main.created_at, main.reply_id)
        if detail is None:
            return {main.table: _given(*own, self.column.name)}
        return {
            main.table: _given(*own),
            self.table: _given(self.key, detail.reply_id, self.column.name),
        }

    @property
    def held(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each table by which the values that are there are judged."""
        main = _given(self.main.key, self.main.user)
        if self.detail is None:
            return {self.table: (*main, self.column.name)}
        return {self.main.table: main, self.table: (self.key, self.column.name)}

    @property
    def _ups(self) -> list[str]:
        return [step.up for step in self.rollout.tables.step if step.up]


def declared_store(rollout: Rollout) -> DeclaredStore:
    """What a rollout declares."""
    return DeclaredStore(rollout)


@lru_cache(maxsize=1)
def plan_store() -> DeclaredStore:
    """What the plan's own rollout declares, for those who know no other."""
    return declared_store(load_rollout())


def _given(*names: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


_CREATE_TABLE: Final = re.compile(
    r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    + _NAME.format("table")
    + r"\s*\((?P<columns>.*)\)\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_CREATE_VIEW: Final = re.compile(
    r"^CREATE\s+(?:OR\s+REPLACE\s+)?VIEW\s+" + _NAME.format("view"), re.IGNORECASE | re.MULTILINE
)
_CREATED: Final = re.compile(
    r"\s*(?!(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN|EXCLUDE|LIKE)\b)"
    + _NAME.format("column")
    + r"\s+(?P<type>[\w .\[\]\"(,)]+?)\s*"
    r"(?:\b(?:NOT|NULL|DEFAULT|PRIMARY|UNIQUE|REFERENCES|CHECK|GENERATED|COLLATE|CONSTRAINT)\b.*)?$",
    re.IGNORECASE | re.DOTALL,
)
_SERIAL: Final = {"serial": "integer", "bigserial": "bigint", "smallserial": "smallint"}


def _created_columns(text: str) -> Iterator[tuple[str, str, str]]:
    for statement in sqlparse.split(sqlparse.format(text, strip_comments=True)):
        if table := _CREATE_TABLE.match(statement.strip()):
            for part in parts_between_commas(table["columns"]):
                if column := _CREATED.match(part):
                    kind = " ".join(column["type"].split())
                    yield _name(table, "table"), _name(column, "column"), _SERIAL.get(kind.lower(), kind)


def parts_between_commas(text: str) -> Iterator[str]:
    """What stands between commas that are in no parentheses."""
    depth, begin = 0, 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            yield text[begin:place]
            begin = place + 1
    yield text[begin:]


def _name(found: re.Match[str], part: str) -> str:
    return str(found[f"{part}_quoted"] or found[f"{part}_plain"].lower())


def _plain_indexes(text: str) -> Iterator[tuple[str, str, str]]:
    for statement in sqlparse.split(sqlparse.format(text, strip_comments=True)):
        if found := _INDEX.match(statement.strip()):
            yield _name(found, "index"), _name(found, "table"), _name(found, "column")
