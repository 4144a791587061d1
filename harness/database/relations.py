"""The two relations of a rollout as SQL: templates name `main` and `detail`, whatever tables and columns a file maps.

A template stands in `sql/queries`. `{main}` and `{detail}` in it are relations of the same columns for every rollout:

    main      key, user_id, created_at, reply_id
    detail    key, reply_id, created_at, value

    marked    key, reply_id, created_at, agent: the detail table with the user agent of a row's request

What a rollout does not map is NULL there. PostgreSQL pulls such relations up into the query: indexes serve as if the
tables themselves were named. `{main_table}`, `{main_key}` and so on are the identifiers, for what is written.
`{created_at}` is when the row of a pair was written, `{reply_id}` the id of its reply, `{counted}` that its user is one
whose rows hold what the rule makes of the header, `{at_address}` that he is at an address for documentation.
Names go through psycopg's `sql`; nothing is asked of a database here.
"""

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Final

from psycopg import sql

from harness.data import sql_text
from harness.rollout import Rollout
from harness.rollout.identities import header_users, reserved_users
from harness.rollout.tables import UsersTable

_NULLS: Final = {"user_id": "text", "created_at": "timestamptz", "reply_id": "text"}


class Relations:
    """The relations of one rollout, and the templates filled with them."""

    def __init__(self, rollout: Rollout) -> None:
        self.rollout = rollout
        store = rollout.tables.store
        self.main, self.detail = store.main, store.detail
        self.detail_table = (self.detail and self.detail.table) or self.main.table
        self.detail_key = (self.detail and self.detail.key) or self.main.key
        self.column = (self.detail.column if self.detail else self.main.column) or ""

    @property
    def tables(self) -> tuple[str, ...]:
        """Their names, the main one first."""
        return tuple(dict.fromkeys((self.main.table, self.detail_table)))

    @property
    def reply_id(self) -> sql.Composable:
        """The column with the reply's id, by the names of a template."""
        return self._of_either("reply_id")

    def filled(self, name: str, **marks: sql.Composable) -> sql.Composed:
        """A template of `sql/queries` with the relations, the identifiers, and marks of the caller's own."""
        return sql.SQL(sql_text(f"queries/{name}.sql")).format(**{**self._marks, **marks})

    @cached_property
    def _marks(self) -> dict[str, sql.Composable]:
        named = {
            "main_table": self.main.table,
            "main_key": self.main.key,
            "detail_table": self.detail_table,
            "detail_key": self.detail_key,
            "column": self.column,
        }
        marks: dict[str, sql.Composable] = {mark: sql.Identifier(name) for mark, name in named.items()}
        return marks | {
            "main": self.main_relation(),
            "detail": self.detail_relation(),
            "created_at": self._of_either("created_at"),
            "reply_id": self._of_either("reply_id"),
            "replied": self.main_relation() if self.main.reply_id else self.detail_relation(value=False),
            "counted": self._counted(),
            "at_address": self._at_address(),
        }

    def _of_either(self, name: str) -> sql.Composable:
        """A column of the pair: of the main table where that has it, else of the detail."""
        sides = [
            side
            for side, table in (("main", self.main), ("detail", self.detail))
            if getattr(table, name, None)
        ]
        return sql.SQL(f"{sides[0]}.{name}") if sides else sql.SQL(f"NULL::{_NULLS[name]}")

    def _counted(self) -> sql.Composable:
        users = header_users(self.rollout.tables)
        if users is None:
            return sql.SQL("true")
        # Doubled: a query is sent with parameters, whose marks begin with this sign in literals, too.
        literals = [sql.Literal(user.replace("%", "%%")) for user in users]
        patterns = [sql.SQL("main.user_id LIKE {}").format(literal) for literal in literals]
        return sql.SQL("({})").format(sql.SQL(" OR ").join(patterns))

    def _at_address(self) -> sql.Composable:
        users = reserved_users(self.rollout.tables)
        if users is None:
            return sql.SQL("false")
        return sql.SQL('main.user_id COLLATE "C" ~ {}').format(sql.Literal(users))

    def marked_relation(self, *, readable: bool) -> sql.Composed:
        """The detail table with `agent`, the user agent of a row's request; NULL where it is not to be read."""
        reply_id, created_at = (
            getattr(self.detail or self.main, name) for name in ("reply_id", "created_at")
        )
        names = {"key": self.detail_key, "reply_id": reply_id, "created_at": created_at}
        agent: sql.Composable = sql.SQL("NULL::text")
        if (agents := self.rollout.tables.store.agent) and readable:
            agent = sql.SQL('(SELECT a.{}::text COLLATE "C" FROM {} AS a WHERE a.{} = held.{})').format(
                *map(sql.Identifier, (agents.column, agents.table, agents.key, agents.reference))
            )
        return _selected(self.detail_table, names, sql.SQL(", {} AS agent").format(agent))

    def main_relation(self, only: Collection[str] = ()) -> sql.Composed:
        """The main table with the names of a template, or some of them: a role need be able to read no others."""
        main = self.main
        names = {
            "key": main.key,
            "user_id": main.user,
            "created_at": main.created_at,
            "reply_id": main.reply_id,
        }
        return _selected(main.table, _only(names, only))

    def detail_relation(self, *, value: bool = True, only: Collection[str] = ()) -> sql.Composed:
        """The detail table, or the file's own SELECT, by the names of a template; without `value` that is NULL.

        With `only` some of the names: a role need be able to read no others.
        """
        detail = self.detail
        if detail is None:
            main = self.main
            names = {"key": main.key, "reply_id": main.reply_id, "created_at": main.created_at}
            return _selected(main.table, _only(names | {"value": self.column if value else None}, only))
        if detail.rows and value:
            return sql.SQL("({})").format(sql.SQL(_bare(self.rollout.text(detail.rows))))
        names = {"key": self.detail_key, "reply_id": detail.reply_id, "created_at": detail.created_at}
        return _selected(self.detail_table, _only(names | {"value": self.column if value else None}, only))


def totalled(rollout: Rollout) -> tuple[str, str]:
    """Which tables the totals are of: the main one, and the one with the column, which may be the same."""
    relations = Relations(rollout)
    return relations.main.table, relations.detail_table


def of_users(name: str, users: UsersTable) -> sql.Composed:
    """A template of `sql/queries` with the table of those who may sign in, and its columns."""
    marks = {"users": users.table, "key": users.key, "email": users.email}
    text = sql.SQL(sql_text(f"queries/{name}.sql"))
    return text.format(**{mark: sql.Identifier(own) for mark, own in marks.items()})


def _only(names: Mapping[str, str | None], some: Collection[str]) -> dict[str, str | None]:
    return {known: name for known, name in names.items() if not some or known in some}


def _selected(
    table: str, names: Mapping[str, str | None], more: sql.Composable | None = None
) -> sql.Composed:
    columns = [
        sql.SQL("{} AS {}").format(sql.Identifier(name), sql.Identifier(known))
        if name
        else sql.SQL("NULL::{} AS {}").format(sql.SQL(_NULLS.get(known, "text")), sql.Identifier(known))
        for known, name in names.items()
    ]
    listed = sql.SQL(", ").join(columns)
    text = sql.SQL("(SELECT {}{} FROM {} AS held)")
    return text.format(listed, more or sql.SQL(""), sql.Identifier(table))


def _bare(text: str) -> str:
    """A file's one SELECT without comments, its semicolon, and what would be taken for a mark or a parameter."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().rstrip(";").replace("{", "{{").replace("}", "}}").replace("%", "%%")
