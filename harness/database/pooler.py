"""Whether a connection leads to a pooler instead of to Postgres itself, and whether a session stays one behind it.

A pooler answers the start of a connection by itself: the process that it names for cancelling is none of the server's.
Where it passes the server's name on, other sessions show it: in transaction mode an idle session's process is given to
them. Source: PostgreSQL, "Message Flow", BackendKeyData; pgbouncer, "pool_mode".
"""

import select
import time
from contextlib import ExitStack
from enum import StrEnum
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ExecStatus

from harness.database.dsn import CONNECT_S_MAX
from harness.errors import UnavailableError, UsageError

REPLY_S_MAX: Final = 10.0
"""Of the first session: a pooler that is busy lets it wait."""
WAIT_S: Final = 1.0
"""For another session: where the only server connection is taken, it waits in the pooler's queue."""
OTHERS: Final = 3
"""Sessions that are tried where a pooler is known: with several idle connections the first may be given another."""

_PROCESS: Final = b"SELECT pg_backend_pid()"
_DIRECT: Final = (
    "give the direct connection to the database: its own host and port, not the pooler's (often a host without "
    "-pooler, or port 5432 in place of 6543 or 6432)"
)

Connection = psycopg.Connection[Any]


class Pooler(StrEnum):
    """What a pooler does with sessions."""

    TRANSACTION = "transaction"  # each transaction may be in another; also what keeps even less
    SESSION = "session"  # a session is its client's until it ends


def check_direct(connection: Connection, dsn: str, place: str, *, session_pooler: bool | None = None) -> bool:
    """Raises UsageError where a pooler answers; `session_pooler` goes on through one that keeps sessions: True then.

    `connection` is open to `dsn` in autocommit, and `place` is that DSN in words. None: no such option is named.
    """
    kind = pooler_of(connection, dsn)
    if kind is None or (kind is Pooler.SESSION and session_pooler):
        return kind is not None
    if kind is Pooler.SESSION:
        raise UsageError(
            f"a pooler in session mode answers at {place}, and this needs the server's own sessions; {_DIRECT}"
            + ("" if session_pooler is None else ", or go on through it with --session-pooler")
        )
    raise UsageError(
        f"a pooler in transaction mode answers at {place}, where a session's settings and locks would come to others; "
        f"{_DIRECT}"
    )


def pooler_of(connection: Connection, dsn: str) -> Pooler | None:
    """The kind of pooler that a connection leads to, idle or busy; None for the server itself.

    Changes no setting, and works where the pooler has one connection. Raises UnavailableError when nothing answers.
    """
    try:
        process = _answered(connection, _PROCESS, REPLY_S_MAX)
    except psycopg.Error as error:
        raise UnavailableError(f"the database ended the connection: {' '.join(str(error).split())}") from None
    if process is None:
        raise UnavailableError(
            f"the database has not answered for {REPLY_S_MAX:.0f} s: a pooler before it may have no free connection"
        )
    is_pooler = connection.pgconn.backend_pid != process
    if is_shared(connection, process, dsn, others=OTHERS if is_pooler else 1):
        return Pooler.TRANSACTION
    return Pooler.SESSION if is_pooler else None


def process_of(connection: Connection) -> int:
    """The server's process that answers, also behind a pooler, where the one named at the start is another."""
    return int(connection.execute(_PROCESS).fetchone()[0])  # type: ignore[index]


async def aprocess_of(connection: psycopg.AsyncConnection[Any]) -> int:
    """As `process_of`."""
    return int((await (await connection.execute(_PROCESS)).fetchone())[0])  # type: ignore[index]


def is_shared(connection: Connection, process: int, dsn: str, *, others: int) -> bool:
    """Whether the process of a session that is idle is given to others, each of which holds a transaction open."""
    bounded = make_conninfo("", **{"connect_timeout": CONNECT_S_MAX} | conninfo_to_dict(dsn))
    with ExitStack() as stack:
        for _ in range(others):
            try:
                other = psycopg.connect(bounded, autocommit=True, prepare_threshold=None)
            except psycopg.Error:
                return False  # no further session may be opened: there is nobody to share with
            stack.callback(other.close)
            try:
                its = _answered(other, b"BEGIN; " + _PROCESS, WAIT_S)
                if its is not None:
                    stack.callback(_answered, other, b"ROLLBACK", WAIT_S)
                now = _answered(connection, _PROCESS, WAIT_S) if its != process else None
            except psycopg.Error:
                return True  # not even a transaction is kept together
            if now != process:
                return True
            if its is None:
                return False  # the other waits while this one is answered: each has its own
    return False


def _answered(connection: Connection, statement: bytes, seconds: float) -> int | None:
    """The number that a statement gives, 0 without one; None when nothing came in time: the connection is spent."""
    pgconn = connection.pgconn
    pgconn.send_query(statement)
    deadline = time.monotonic() + seconds
    readable = select.poll()  # unlike select() it takes descriptors above 1023
    readable.register(pgconn.socket, select.POLLIN)
    numbers = [0]
    while True:
        pgconn.flush()
        if pgconn.is_busy():
            left = deadline - time.monotonic()
            if left <= 0 or not readable.poll(left * 1000):
                return None
            pgconn.consume_input()
            continue
        result = pgconn.get_result()
        if result is None:
            return numbers[-1]
        if result.status == ExecStatus.TUPLES_OK:
            numbers.append(int(result.get_value(0, 0) or 0))
        elif result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
