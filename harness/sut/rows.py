"""Reads the rows that requests left in a database, and matches them: by upstream id, and by user where he is alone.

The row is the truth: a reply proves nothing about accounting, which happens after it. Only reads.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.clients.exchange import Reply
from harness.data import sql_text
from harness.polling import apoll_until
from harness.sut.observation import Probe, Row

POLL_S_MAX: Final = 0.1
WAIT_ROWS_S: Final = 5.0
WAIT_AFTER_LOSS_S: Final = 0.5
"""Once rows were waited for in vain a loss is established, and every further one need not cost the whole wait."""
SLOWEST_TIMES: Final = 10
"""Rows that do come are then still given so many times what the slowest took."""


class Rows:
    """Reads the rows of requests from one database; only reads."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._in_vain = False
        self._slowest_s = 0.0

    async def now(self) -> datetime:
        """The database's clock; rows of requests sent later carry a later time."""
        found = await (await self._connection.execute("SELECT clock_timestamp()")).fetchone()
        assert found is not None
        stamp: datetime = found[0]
        return stamp

    async def of(
        self, probes: Sequence[Probe], replies: Sequence[Reply], since: datetime
    ) -> list[tuple[Row, ...]]:
        """Rows of each request so far, in one query."""
        ids = [reply.upstream_id for reply in replies]
        users = [probe.user for probe in probes if probe.alone]
        values = {"message_ids": [i for i in ids if i], "user_ids": users, "since": since}
        async with self._connection.transaction():  # read only, where the connection is
            text = sql.SQL(sql_text("queries/rows.sql")).format(value=await self._value())
            found = await (await self._connection.execute(text, values)).fetchall()
        by_id: dict[str, list[Row]] = {}
        by_user: dict[str, list[Row]] = {}
        for usage_id, user, metadata_id, message_id, value in found:
            row = Row(_text(usage_id), user, _text(metadata_id), message_id, value)
            if message_id is not None:
                by_id.setdefault(message_id, []).append(row)
            if user is not None:
                by_user.setdefault(user, []).append(row)
        return [
            _matched(probe, identity, by_id, by_user) for probe, identity in zip(probes, ids, strict=True)
        ]

    async def arrived(
        self,
        probes: Sequence[Probe],
        replies: Sequence[Reply],
        since: datetime,
        *,
        wait_s: float = WAIT_ROWS_S,
        lost: Callable[[], set[str]] = set,
    ) -> list[tuple[Row, ...]]:
        """Rows of each request, waited for until each has its own or was given up (`lost`), at most `wait_s`.

        After one wait in vain the next ones are shorter: `WAIT_AFTER_LOSS_S`, or ten times what rows took so far.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        rows: list[tuple[Row, ...]] = []

        async def are_all_there() -> bool:
            nonlocal rows
            given_up = lost()  # looked at before the rows: a row given up later is waited for once more
            rows = await self.of(probes, replies, since)
            return all(
                not reply.upstream_id or reply.upstream_id in given_up or any(row.whole for row in found)
                for reply, found in zip(replies, rows, strict=True)
            )

        if await apoll_until(are_all_there, self.patience_s(wait_s), pause_s_max=POLL_S_MAX):
            self._slowest_s = max(self._slowest_s, loop.time() - began)
        else:
            self._in_vain = True
        return rows

    def patience_s(self, wait_s: float) -> float:
        """How long rows are waited for where at most `wait_s` are allowed."""
        if not self._in_vain:
            return wait_s
        return min(wait_s, max(WAIT_AFTER_LOSS_S, SLOWEST_TIMES * self._slowest_s))

    async def _value(self) -> sql.Composable:
        query = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped"
        cursor = await self._connection.execute(query, (plan.METADATA_TABLE, plan.COLUMN))
        return sql.Identifier(plan.COLUMN) if await cursor.fetchone() else sql.SQL("NULL::text")


def _matched(
    probe: Probe, identity: str | None, by_id: dict[str, list[Row]], by_user: dict[str, list[Row]]
) -> tuple[Row, ...]:
    found = list(by_id.get(identity, ())) if identity else []
    if probe.alone:
        found += [row for row in by_user.get(probe.user, ()) if row not in found]
    return tuple(found)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
