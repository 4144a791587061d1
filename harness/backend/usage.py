"""Accounting: one request becomes two rows in one statement, after the reply.

As the real backend does (facts: accounting), the statement is tried three times and then the failure is logged
and swallowed: the client keeps its 200 and the row is lost. That loss is what the harness must be able to see.
"""

import asyncio
import logging
import random
import re
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import psycopg
from psycopg import sql

from harness.backend.builds import AccountingInsert, Build, FollowUp, Sender
from harness.backend.losses import DRAIN_S_MAX, Abort, Loss
from harness.backend.sessions import Sessions
from harness.data import sql_text
from harness.database.relations import of_users
from harness.polling import Backlog
from harness.rule.operations import well_formed

TRIES: Final = 3
PAUSE_S_MAX: Final = 0.1
LOOK_S: Final = 0.5
MISSING_ID: Final = "<missing>"
"""What message_id holds when the upstream sent no id."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request cost and how it went; the values of the accounting statement."""

    user_id: str
    message_id: str
    requested_model: str
    model: str | None
    provider: str | None
    inference_provider: str | None
    status_code: int
    streamed: bool
    has_error: bool
    input_tokens: int
    output_tokens: int
    cost: int
    """In millionths of a dollar."""
    latency: float
    """Seconds until the upstream's headers."""
    finish_reason: str | None
    max_tokens: int | None
    has_tools: bool
    user_prompt: str | None
    system_prompt: str | None
    system_prompt_length: int
    user_agent: str | None
    forwarded_for: str | None
    editor_name: str | None
    organization_id: str | None
    project_id: str | None
    city: str | None
    country: str | None
    digest: str | None
    value: str | None = None
    """What the planned column holds."""
    times: int = 1
    """How often it is accounted for."""
    follows: tuple[FollowUp, ...] = ()
    """Statements after each time."""


FIELDS: Final = tuple(Usage.__slots__)
_values = attrgetter(*FIELDS)


def accounting_statement(build: Build) -> sql.Composed:
    """The build's INSERT: the shared statement with the columns the build adds, bound to `value` or an expression."""
    insert = AccountingInsert(sql_text(build.insert)) if isinstance(build.insert, str) else build.insert
    names = [sql.SQL(", {}").format(sql.Identifier(column)) for column in build.columns]
    given = [insert.expressions.get(column) for column in build.columns]
    values = [sql.SQL(", ") + (sql.SQL(text) if text else sql.Placeholder("value")) for text in given]
    text = sql.SQL(insert.text).format(
        columns=sql.Composed(names), values=sql.Composed(values), ctes=sql.SQL(insert.ctes)
    )
    return text + sql.SQL(build.ending)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A statement with PostgreSQL's own placeholders, $1 and on; psycopg would translate named ones at every use."""

    text: bytes
    names: tuple[str, ...]
    """Which value each placeholder takes, from $1 on."""

    async def execute(
        self, connection: psycopg.AsyncConnection[Any], values: Mapping[str, object]
    ) -> psycopg.AsyncRawCursor[Any]:
        """Runs it with these values by name."""
        cursor = psycopg.AsyncRawCursor(connection)
        return await cursor.execute(self.text, [values[name] for name in self.names])


def numbered(text: str) -> Numbered:
    """The statement with each `%(name)s` numbered, the same name always the same number."""
    names: dict[str, int] = {}

    def number(placeholder: re.Match[str]) -> str:
        return f"${names.setdefault(placeholder[1], len(names) + 1)}"

    return Numbered(re.sub(r"%\((\w+)\)s", number, text).encode(), tuple(names))


OnEvent = Callable[[Loss | Abort], None]
"""Where a replica reports what its clients cannot see."""


class Accounts:
    """Writes usage rows, in tasks that outlive their request and are drained at the end."""

    def __init__(self, sessions: Sessions, build: Build, on_event: OnEvent) -> None:
        self._sessions = sessions
        self._build = build
        self._on_event = on_event
        users = build.users
        self._user = numbered(of_users("user_email", users).as_string()) if users else None
        self._pending: set[asyncio.Task[None]] = set()
        self._ended = 0
        self._insert = numbered(accounting_statement(build).as_string())
        self._known: dict[str, Numbered] = {"": self._insert}

    async def email_of(self, user_id: str) -> str | None:
        """The user's e-mail, or None when there is no such user. Raises psycopg.Error when the database is away."""
        if self._user is None:
            return None
        async with self._sessions.session() as connection:
            user = await (await self._user.execute(connection, {"user_id": user_id})).fetchone()
        return None if user is None else str(user[0])

    def later(self, usage: Usage, sender: Sender) -> None:
        """Accounts for a request after its reply; returns at once."""
        delay_s = self._build.delay_s(sender) if self._build.delay_s else 0.0
        for _ in range(usage.times):
            self._start(self._write(usage, delay_s))

    async def drain(self, on_wait: Callable[[int], None] = lambda _: None) -> None:
        """Waits until every accepted request is accounted for or given up.

        It goes on for as long as one of them is within ten seconds, and for ten minutes at most: a busy machine works
        off what it owes. `on_wait` is told every ten seconds how many are left.
        """
        backlog, ended, told_s = Backlog(DRAIN_S_MAX), self._ended, 0.0
        while self._pending and backlog.left_s:
            # What is done may have begun a statement after it.
            await asyncio.wait(self._pending, timeout=LOOK_S)
            if self._ended != ended:
                ended = self._ended
                backlog.ended()
            if self._pending and backlog.waited_s >= told_s + DRAIN_S_MAX:
                told_s = backlog.waited_s
                on_wait(len(self._pending))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._pending.discard(task)
        self._ended += 1

    async def _write(self, usage: Usage, delay_s: float) -> None:
        if delay_s:
            await asyncio.sleep(delay_s)  # a slow accountant is what this build is about
        values = {name: _as_written(value) for name, value in zip(FIELDS, _values(usage), strict=True)}
        values["usage_id"] = uuid.uuid4()
        for attempt in range(1, TRIES + 1):
            try:
                await self._account(values, usage.follows, attempt)
            except psycopg.Error as error:
                if attempt == TRIES:
                    self._give_up(usage, error)
                else:
                    await asyncio.sleep(random.uniform(0, PAUSE_S_MAX))  # noqa: S311 - the real pause, no secret
            else:
                break
        else:
            return
        for follow_up in usage.follows:
            if follow_up.delay_s is not None:
                self._start(self._follow(follow_up, follow_up.delay_s, values))

    async def _account(self, values: dict[str, object], follows: tuple[FollowUp, ...], attempt: int) -> None:
        at_once = [follow_up for follow_up in follows if follow_up.delay_s is None]
        async with self._sessions.session() as connection:
            if not at_once:
                await self._insert.execute(connection, values)
                return
            async with connection.transaction():
                await self._insert.execute(connection, values)
                for follow_up in at_once:
                    more = values | dict(follow_up.values) | {"attempt": attempt}
                    await self._statement(follow_up.file).execute(connection, more)

    async def _follow(self, follow_up: FollowUp, delay_s: float, values: dict[str, object]) -> None:
        """Executes a statement of its own, once: where it fails, only its effect is missing."""
        await asyncio.sleep(delay_s)
        again = {} if follow_up.file else {"usage_id": uuid.uuid4()}
        try:
            async with self._sessions.session() as connection:
                more = values | again | dict(follow_up.values)
                await self._statement(follow_up.file).execute(connection, more)
        except psycopg.Error as error:
            log.warning("%s failed: %s", follow_up.file, str(error).partition("\n")[0])

    def _statement(self, file: str) -> Numbered:
        if file not in self._known:
            self._known[file] = numbered(sql_text(file))
        return self._known[file]

    def _give_up(self, usage: Usage, error: Exception) -> None:
        state = getattr(error, "sqlstate", None) or ""
        first_line = str(error).partition("\n")[0]
        log.warning("usage of %s lost after %d tries: %s %s", usage.message_id, TRIES, state, first_line)
        self._on_event(Loss(usage.message_id, state, first_line))


def _as_written(value: object) -> object:
    return well_formed(value) if isinstance(value, str) else value
