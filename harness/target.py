"""What is being judged, behind one interface: requests go in, observations come out. Knows no claim and no stage.

The row is the truth: a reply proves nothing about accounting, which happens after it. Each request is matched
with its rows by the upstream id in its reply, and an anonymous one also by its own address.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.clients.exchange import Reply, Request
from harness.clients.extension import Auth, ExtensionBuild
from harness.data import sql_text

POLL_S: Final = 0.01
WAIT_ROWS_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One request to send, with what is known of it beforehand."""

    request: Request
    kind: str
    """Kind of header in words: `none`, `valid`, `256 characters`..."""
    extension: ExtensionBuild
    auth: Auth
    stream: bool
    user: str
    """The kilo_user_id under which its rows must appear."""
    email: str | None
    """The user's e-mail when signed in."""

    @property
    def lines(self) -> tuple[bytes, ...]:
        """Values of the plan's header as sent, line by line."""
        name = plan.HEADER.encode()
        return tuple(value for key, value in self.request.headers if key.lower() == name)


@dataclass(frozen=True, slots=True)
class Row:
    """A usage row and its metadata row; one of the two sides is None when it is missing."""

    usage_id: str | None
    user: str | None
    metadata_id: str | None
    message_id: str | None
    value: str | None
    """The column that is rolled out; None for NULL, and where the schema has no such column."""

    @property
    def whole(self) -> bool:
        """Whether both rows are there."""
        return self.usage_id is not None and self.metadata_id is not None


@dataclass(frozen=True, slots=True)
class Observation:
    """One request with its reply and its rows, and who served it."""

    probe: Probe
    reply: Reply
    rows: tuple[Row, ...]
    served_by: str
    """The backend version that answered: `before` or `after`."""
    stage: str
    """The stage in words."""
    since: datetime
    """The database's clock before it was sent."""


Sender = Callable[[str, Sequence[Request]], Awaitable[list[Reply]]]
"""Sends requests to an origin (URL without a path); one reply for each, in order."""


class Rows:
    """Reads the rows of requests from one database; only reads."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

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
        users = [probe.user for probe in probes if probe.auth is not Auth.SIGNED_IN]
        text = sql.SQL(sql_text("queries/rows.sql")).format(value=await self._value())
        values = {"message_ids": [i for i in ids if i], "user_ids": users, "since": since}
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
        """Rows of each request, waited for until each has its own or was given up (`lost`), at most `wait_s`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            given_up = lost()  # looked at before the rows: a row given up later is waited for once more
            rows = await self.of(probes, replies, since)
            missing = [
                reply.upstream_id
                for reply, found in zip(replies, rows, strict=True)
                if reply.upstream_id
                and not any(row.whole for row in found)
                and reply.upstream_id not in given_up
            ]
            if not missing or loop.time() >= deadline:
                return rows
            await asyncio.sleep(POLL_S)  # rows come some time after the reply; bounded by the deadline

    async def _value(self) -> sql.Composable:
        query = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped"
        cursor = await self._connection.execute(query, (plan.METADATA_TABLE, plan.COLUMN))
        return sql.Identifier(plan.COLUMN) if await cursor.fetchone() else sql.SQL("NULL::text")


def _matched(
    probe: Probe, identity: str | None, by_id: dict[str, list[Row]], by_user: dict[str, list[Row]]
) -> tuple[Row, ...]:
    found = list(by_id.get(identity, ())) if identity else []
    if probe.auth is not Auth.SIGNED_IN:  # an anonymous probe has an address of its own
        found += [row for row in by_user.get(probe.user, ()) if row not in found]
    return tuple(found)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
