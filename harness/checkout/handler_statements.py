"""The statements of a handler that is run: each goes to the server as node-postgres sends it.

A statement may wait for a lock of another client's transaction, which goes on only while Node does. So nobody here
waits for long: a statement without a result yet is said to wait, and Node asks again when others have gone on.
"""

import itertools
import re
import select
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from harness.database.runners import connect

WAIT_MS: Final = 5
"""In which most results are there; who asks again waits a fifth of it, since all others wait meanwhile."""
_FORGETS: Final = re.compile(r"(?i)\s*(?:DISCARD|DEALLOCATE)\b")
"""A statement after which nothing is prepared any more."""


class StatementClient:
    """A client of node-postgres: one connection, one statement after the other."""

    def __init__(self, dsn: str) -> None:
        self._connection: psycopg.Connection[Any] = connect(dsn)
        self._text = ""
        # Texts that the server has accepted, with the names of those that are prepared.
        self._known: dict[str, bytes] = {}
        self._numbers = itertools.count()

    def send(self, text: str, values: Sequence[str | None]) -> None:
        """Sends a statement with its parameters as text, their types left to the server.

        One that comes again is prepared: most of what it costs is to read it and to plan it.
        """
        server, self._text = self._connection.pgconn, text
        given = [None if value is None else value.encode() for value in values]
        if _FORGETS.match(text):
            self._known.clear()
        name = self._known.get(text)
        if name == b"":
            name = f"statement_{next(self._numbers)}".encode()
            if server.prepare(name, text.encode()).status == ExecStatus.COMMAND_OK:
                self._known[text] = name
        if self._known.get(text):
            server.send_query_prepared(self._known[text], given)
        else:
            server.send_query_params(text.encode(), given)

    def result(self, wait_ms: int = WAIT_MS) -> PGresult | None:
        """The result of what was sent; None where there is none yet, as while it waits for a lock."""
        server = self._connection.pgconn
        sockets = select.poll()
        sockets.register(server.socket, select.POLLIN)
        while server.is_busy():
            if not sockets.poll(wait_ms):
                return None
            server.consume_input()
        result = server.get_result()
        assert result is not None, "a result is asked for once"
        if result.status in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
            self._known.setdefault(self._text, b"")
        while result.status != ExecStatus.COPY_IN and server.get_result() is not None:
            pass
        return result

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()


def document_of(result: PGresult) -> dict[str, Any]:
    """A result as Node is told it; of a statement that was refused `error` and `code`."""
    if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
        message = result.get_error_message().strip().splitlines()[0]
        sqlstate = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        return {"error": message.removeprefix("ERROR:").strip(), "code": sqlstate}
    columns = range(result.nfields)
    return {
        "names": [(result.fname(at) or b"").decode() for at in columns],
        "oids": [result.ftype(at) for at in columns],
        "rows": [[_cell(result.get_value(row, at)) for at in columns] for row in range(result.ntuples)],
        "count": result.command_tuples or 0,
    }


def _cell(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
