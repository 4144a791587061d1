"""What a rollout's file declares of its tables: the column that it adds, the indexes, and what rows are found by. Pure.

Indexes are those that its own steps build, and those that its baseline has on the same table.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from harness.database.declaration import Column, Index, declared_index
from harness.database.scripts import statements_of
from harness.database.sql_statement import SqlStatement, listed, plain_name, read_statement
from harness.rollout import Rollout, load_rollout
from harness.rollout.identities import by_address_users
from harness.rollout.tables import DetailTable, MainTable

_NAME: Final = re.compile(r'"(?:""|[^"])+"|[\w$]+')


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
    def kept_columns(self) -> tuple[tuple[str, str, str], ...]:
        """Those of the tables before the rollout that no step changes, renames or drops, alone or with their table."""
        steps = [each for file in self._ups for each in _statements(self.rollout.text(file))]
        changed = {
            (plain_name(each.table), plain_name(name)) for each in steps for _, name, _ in each.actions
        }
        gone = {plain_name(name) for each in steps if each.command == "DROP TABLE" for name in each.names}
        gone |= {table for table, name in changed if not name}
        return tuple(
            column for column in self.baseline_columns if column[0] not in gone and column[:2] not in changed
        )

    @cached_property
    def view(self) -> str | None:
        """The view that comes to read the column; None where the rollout has none."""
        view = self.rollout.tables.reference.view
        made = _statements(self.rollout.text(view.up)) if view else iter(())
        return next((plain_name(each.table) for each in made if each.command == "CREATE VIEW"), None)

    @property
    def column_file(self) -> str:
        """The file of the step that adds the column."""
        for file in self._ups:
            actions = [action for each in _statements(self.rollout.text(file)) for action in each.actions]
            if self.column.name in [plain_name(name) for verb, name, _ in actions if verb == "ADD COLUMN"]:
                return file
        return "the step that adds it"

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


_BEHIND_TYPE: Final = re.compile(
    r"(?i)\s*\b(?:NOT|NULL|DEFAULT|PRIMARY|UNIQUE|REFERENCES|CHECK|GENERATED|COLLATE|CONSTRAINT)\b.*"
)
_SERIAL: Final = {"serial": "integer", "bigserial": "bigint", "smallserial": "smallint"}


def _statements(text: str) -> Iterator[SqlStatement]:
    return (read_statement(statement.text) for statement in statements_of(text))


def _created_columns(text: str) -> Iterator[tuple[str, str, str]]:
    for statement in _statements(text):
        for verb, name, rest in statement.definitions:
            if verb == "ADD COLUMN":
                kind = _BEHIND_TYPE.sub("", rest)
                yield plain_name(statement.table), plain_name(name), _SERIAL.get(kind.lower(), kind)


def _plain_indexes(text: str) -> Iterator[tuple[str, str, str]]:
    """Index, table and column of each plain btree index over one column."""
    for statement in _statements(text):
        using, _, columns = statement.rest.partition("(")
        keys, after = listed(columns)
        is_plain = "UNIQUE" not in statement.words and plain_name(using) in ("", "btree") and not after
        if statement.builds and statement.name and is_plain and _NAME.fullmatch(",".join(keys)):
            yield plain_name(statement.name), plain_name(statement.table), plain_name(keys[0])
