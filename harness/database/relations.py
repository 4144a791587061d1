"""The two relations of a rollout as SQL: templates name `main` and `detail`, whatever tables and columns a file maps.

A template stands in `sql/queries`. `{main}` and `{detail}` in it are relations of the same columns for every rollout:

    main      key, user_id, created_at, reply_id
    detail    key, reply_id, created_at, value

What a rollout does not map is NULL there. PostgreSQL pulls such relations up into the query: indexes serve as if the
tables themselves were named. `{main_table}`, `{main_key}` and so on are the identifiers, for what is written.
Names go through psycopg's `sql`; nothing is asked of a database here.
"""

from functools import cached_property
from typing import Final

from psycopg import sql

from harness.data import sql_text
from harness.rollout import Rollout

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

    def filled(self, name: str, **marks: sql.Composable) -> sql.Composed:
        """A template of `sql/queries` with the relations, the identifiers, and marks of the caller's own."""
        return sql.SQL(sql_text(f"queries/{name}.sql")).format(**self._marks, **marks)

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
        return marks | {"main": self.main_relation(), "detail": self.detail_relation()}

    def main_relation(self) -> sql.Composed:
        """The main table with the names of a template."""
        main = self.main
        return _selected(
            main.table,
            {
                "key": main.key,
                "user_id": main.user,
                "created_at": main.created_at,
                "reply_id": main.reply_id,
            },
        )

    def detail_relation(self, *, value: bool = True) -> sql.Composed:
        """The detail table, or the file's own SELECT, by the names of a template; without `value` that is NULL."""
        detail = self.detail
        if detail is None:
            main = self.main
            names = {"key": main.key, "reply_id": main.reply_id, "created_at": main.created_at}
            return _selected(main.table, names | {"value": self.column if value else None})
        if detail.rows and value:
            return sql.SQL("({})").format(sql.SQL(_bare(self.rollout.text(detail.rows))))
        names = {"key": self.detail_key, "reply_id": detail.reply_id, "created_at": detail.created_at}
        return _selected(self.detail_table, names | {"value": self.column if value else None})


def _selected(table: str, names: dict[str, str | None]) -> sql.Composed:
    columns = [
        sql.SQL("{} AS {}").format(sql.Identifier(name), sql.Identifier(known))
        if name
        else sql.SQL("NULL::{} AS {}").format(sql.SQL(_NULLS.get(known, "text")), sql.Identifier(known))
        for known, name in names.items()
    ]
    return sql.SQL("(SELECT {} FROM {})").format(sql.SQL(", ").join(columns), sql.Identifier(table))


def _bare(text: str) -> str:
    """A file's one SELECT without comments, its semicolon, and what would be taken for a mark or a parameter."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().rstrip(";").replace("{", "{{").replace("}", "}}").replace("%", "%%")
