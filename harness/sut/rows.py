"""Reads the rows that requests left in a database, and matches them: by the reply's id, and by a user who is alone.

The row is the truth: a reply proves nothing about accounting, which happens after it. Only reads. Every row that is
matched with a request is read here, of our own database (`Rows`) as of somebody's (`contract`).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from harness.clients.exchange import Reply
from harness.data import sql_text
from harness.database.declared import DeclaredStore, plan_store
from harness.polling import apoll_until
from harness.sut.columns import ReadableColumns
from harness.sut.observation import Probe, Row

POLL_S_MAX: Final = 0.1
WAIT_ROWS_S: Final = 5.0
WAIT_AFTER_LOSS_S: Final = 0.5
"""Once rows were waited for in vain a loss is established, and every further one need not cost the whole wait."""
SLOWEST_TIMES: Final = 10
"""Rows that do come are then still given so many times what the slowest took."""
LAST: Final = 32
"""Of many requests the rows of so many last ones are waited for first: each look at all costs as much as all."""


class RowKey(NamedTuple):
    """What the rows of one request are found by."""

    reply_id: str | None
    user: str | None = None
    """None where somebody else may have this user, too."""


def key_of(probe: Probe, reply: Reply) -> RowKey:
    """What the rows of a request to a backend of ours are found by."""
    return RowKey(reply.upstream_id, probe.user if probe.alone else None)


@dataclass(slots=True)
class FoundRows:
    """Rows of some requests."""

    by_id: dict[str, list[Row]] = field(default_factory=dict)
    by_user: dict[str, list[Row]] = field(default_factory=dict)
    by_value: dict[str, list[Row]] = field(default_factory=dict)
    """By what the column that is rolled out holds."""
    created: list[datetime] = field(default_factory=list)

    def of(self, key: RowKey) -> tuple[Row, ...]:
        """Those of one request."""
        rows = list(self.by_id.get(key.reply_id, ())) if key.reply_id else []
        rows += [row for row in self.by_user.get(key.user, ()) if row not in rows] if key.user else []
        return tuple(rows)


def rows_query(columns: ReadableColumns, *, both_sides: bool) -> sql.Composed:
    """What asks for the rows of requests; without `both_sides` those that have a main row, whole or not.

    From both sides all of the detail is read where that has no time of its own.
    """
    name = "rows_of_both_sides" if both_sides else "rows_with_main"
    if columns.store.detail is None:
        name = "rows_of_one_table"
    return sql.SQL(sql_text(f"queries/{name}.sql")).format(**columns.marks)


def values_of(keys: Iterable[RowKey], sent: Sequence[str], since: datetime) -> dict[str, object]:
    """What the query is sent with: also rows that hold a value in `sent` are looked for, where both sides are."""
    keys = list(keys)
    return {
        "reply_ids": [key.reply_id for key in keys if key.reply_id],
        "user_ids": [key.user for key in keys if key.user],
        "values": list(sent),
        "since": since,
    }


def found_rows(records: Iterable[tuple[Any, ...]], columns: ReadableColumns) -> FoundRows:
    """What the query has found."""
    found = FoundRows()
    for main_key, user, created, detail_key, reply_id, value, ours, theirs in records:
        named = columns.named(ours, theirs)
        row = Row(_text(main_key), user, _text(detail_key), reply_id, value, *named)
        if created is not None:
            found.created.append(created)
        if user is not None:
            found.by_user.setdefault(user, []).append(row)
        if reply_id is not None:
            found.by_id.setdefault(reply_id, []).append(row)
        if value is not None:
            found.by_value.setdefault(value, []).append(row)
    return found


class Rows:
    """Reads the rows of requests from a database of ours; only reads."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], store: DeclaredStore | None = None) -> None:
        self._connection = connection
        self._store = store or plan_store()
        self._in_vain = False
        self._slowest_s = 0.0

    async def now(self) -> datetime:
        """The database's clock; rows of requests sent later carry a later time."""
        found = await (await self._connection.execute("SELECT clock_timestamp()")).fetchone()
        assert found is not None
        stamp: datetime = found[0]
        return stamp

    async def of(self, keys: Sequence[RowKey], since: datetime) -> list[tuple[Row, ...]]:
        """Rows of each request so far, in one query over both tables."""
        columns = ReadableColumns(self._store, has_value=await self._has_column(), has_time=self._has_time)
        # Not prepared: a plan that is made without its arrays holds each row against each id in turn, which takes ten
        # times as long for 2,000 rows.
        cursor = await self._connection.execute(
            _our_query(columns), values_of(keys, (), since), prepare=False
        )
        found = found_rows(await cursor.fetchall(), columns)
        return [found.of(key) for key in keys]

    async def arrived(
        self,
        keys: Sequence[RowKey],
        since: datetime,
        *,
        wait_s: float = WAIT_ROWS_S,
        lost: Callable[[], set[str]] = set,
    ) -> list[tuple[Row, ...]]:
        """Rows of each request, waited for until each has its own or was given up (`lost`), at most `wait_s`.

        All are as they were at the last look. After one wait in vain the next ones are shorter: `WAIT_AFTER_LOSS_S`,
        or ten times what rows took so far.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        rows: list[tuple[Row, ...]] = []
        late = keys[-LAST:] if len(keys) > 2 * LAST else keys

        async def look(some: Sequence[RowKey]) -> bool:
            nonlocal rows, late
            given_up = lost()  # looked at before the rows: a row given up later is waited for once more
            rows = await self.of(some, since)
            late = _without_rows(some, rows, given_up)
            return not late

        async def are_all_there() -> bool:
            return (len(late) == len(keys) or await look(late)) and await look(keys)

        are_there = await apoll_until(are_all_there, self.patience_s(wait_s), pause_s_max=POLL_S_MAX)
        if len(rows) < len(keys):  # the last look was at late ones alone
            are_there = await look(keys)
        if are_there:
            self._slowest_s = max(self._slowest_s, loop.time() - began)
        else:
            self._in_vain = True
        return rows

    def patience_s(self, wait_s: float) -> float:
        """How long rows are waited for where at most `wait_s` are allowed."""
        if not self._in_vain:
            return wait_s
        return min(wait_s, max(WAIT_AFTER_LOSS_S, SLOWEST_TIMES * self._slowest_s))

    @property
    def _has_time(self) -> bool:
        detail = self._store.detail
        return bool(detail and detail.created_at)

    async def _has_column(self) -> bool:
        query = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped"
        cursor = await self._connection.execute(query, (self._store.table, self._store.column.name))
        return await cursor.fetchone() is not None


def _without_rows(
    keys: Sequence[RowKey], rows: Sequence[tuple[Row, ...]], given_up: set[str]
) -> list[RowKey]:
    """The requests whose rows may still come: they have an id and no whole row.

    A request that was refused has no reply id and needs no row; but a row that it has all the same is returned with
    the others, and judged.
    """
    return [
        key
        for key, found in zip(keys, rows, strict=True)
        if key.reply_id and key.reply_id not in given_up and not any(row.whole for row in found)
    ]


@lru_cache(maxsize=2)  # with the column and without
def _our_query(columns: ReadableColumns) -> sql.Composed:
    return rows_query(columns, both_sides=True)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
