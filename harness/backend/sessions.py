"""The proxy's sessions with its database: one from the beginning, more where requests wait for it, each kept.

Smaller than psycopg's pool, whose workers and checks took more of the proxy's CPU than the statements' own encoding.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from harness.polling import apoll_until

Session = AsyncConnection[Any]

GROW_S: Final = 0.1
"""So long a request waits before there is another session: each costs the server as much as twenty statements.

A session's first statement may take longer than the next twenty requests, and is no reason for another one.
"""
GENERIC_PLANS: Final = "SET plan_cache_mode = force_generic_plan"
"""A replica's session is over before five plans of its own pay."""
WAIT_S_MAX: Final = 30.0
"""For a session, and for a database that cannot be reached."""


class NoSession(psycopg.OperationalError):
    """No session was free, or could be opened, in `WAIT_S_MAX`."""


class Sessions:
    """At most `size_max` sessions in autocommit, in a context that closes them."""

    def __init__(self, dsn: str, size_max: int, application: str | None = None) -> None:
        self._dsn = dsn if application is None else make_conninfo(dsn, application_name=application)
        self._size_max = size_max
        self._size = 0
        self._idle: list[Session] = []
        self._waiting: deque[asyncio.Future[Session | None]] = deque()

    async def __aenter__(self) -> Self:
        """Opens the first session. Raises NoSession."""
        self._idle.append(await self._open())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Closes what is idle; what is in use is closed when it comes back."""
        self._size_max = 0
        while self._idle:
            await self._drop(self._idle.pop())

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A session for one after the other, and none that the server has closed. Raises NoSession."""
        session = await self._take()
        try:
            yield session
        finally:
            await self._give_back(session)

    async def _take(self) -> Session:
        deadline = asyncio.get_running_loop().time() + WAIT_S_MAX
        patient = False
        while True:
            while self._idle:
                session = self._idle.pop()
                if _alive(session):  # Node's pool drops others by itself
                    return session
                await self._drop(session)
            if self._size == 0 or (patient and self._size < self._size_max):
                return await self._open()
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise NoSession(f"no session was free in {WAIT_S_MAX:.0f} s")
            may_grow = self._size < self._size_max
            session_or_none = await self._next(min(left, GROW_S) if may_grow else left)
            if session_or_none is not None:
                return session_or_none
            patient = True

    async def _next(self, seconds_max: float) -> Session | None:
        """A session that somebody gives back; None where the time is over, or one less is open."""
        waiting: asyncio.Future[Session | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await asyncio.wait({waiting}, timeout=seconds_max)
        except asyncio.CancelledError:
            if waiting.done() and (session := waiting.result()) is not None:
                await self._give_back(session)
            raise
        finally:
            if not waiting.done():
                waiting.cancel()
                self._waiting.remove(waiting)
        return None if waiting.cancelled() else waiting.result()

    async def _give_back(self, session: Session) -> None:
        is_usable = not session.closed and session.info.transaction_status is TransactionStatus.IDLE
        if self._size > self._size_max or not is_usable:
            await self._drop(session)
        elif not self._hand(session):
            self._idle.append(session)

    def _hand(self, session: Session | None) -> bool:
        """Gives it to whoever waits first; whether anybody did."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(session)
                return True
        return False

    async def _open(self) -> Session:
        self._size += 1
        session: Session | None = None
        reason = ""

        async def is_open() -> bool:
            nonlocal session, reason
            try:
                opened = await AsyncConnection.connect(self._dsn, autocommit=True, prepare_threshold=0)
                await opened.execute(GENERIC_PLANS, prepare=False)
                session = opened
            except psycopg.OperationalError as error:
                reason = str(error).partition("\n")[0]
            return session is not None

        try:
            await apoll_until(is_open, WAIT_S_MAX, pause_s_max=1.0)
            if session is None:
                raise NoSession(f"the database cannot be reached: {reason}")
        except BaseException:
            self._size -= 1
            self._hand(None)
            raise
        return session

    async def _drop(self, session: Session) -> None:
        self._size -= 1
        await session.close()
        self._hand(None)


def _alive(session: Session) -> bool:
    # libpq learns of a closed session only when it reads. The first read gives the server's last message ("terminating
    # connection"), the second the end of the stream, which is the error that we look for.
    try:
        for _ in range(2):
            session.pgconn.consume_input()
    except psycopg.Error:
        return False
    return True
