"""One Postgres server for several processes, started when the first of them asks; for pytest-xdist's workers.

The process that shares it listens on a socket of its own; whoever connects is told kind and DSN of the server.
"""

import socket
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import Final

from msgspec import Struct, json

from harness.database.server import running_server
from harness.errors import UnavailableError, UsageError

REPLY_S_MAX: Final = 180.0
"""Above what an embedded server is given to start."""


class SharedAt(Struct, frozen=True):
    """The answer: where the server is, or why there is none."""

    kind: str = ""
    dsn: str = ""
    problem: str = ""


class SharedServer:
    """Listens at once, and starts the server when it is asked for; `close` ends both."""

    def __init__(self, choice: str) -> None:
        self._choice = choice
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-"))
        self.address = str(Path(folder) / "socket")
        """Path of the socket, which only this user can reach."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.address)
        self._listener.listen()
        self._thread = Thread(target=self._serve, name="harness-shared-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the server, if there is one."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the thread's wait
        self._listener.close()
        self._thread.join(REPLY_S_MAX)
        self._stack.close()

    def _serve(self) -> None:
        answer: SharedAt | None = None
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            with connection, suppress(OSError):
                if answer is None:
                    answer = self._start()
                connection.sendall(json.encode(answer))

    def _start(self) -> SharedAt:
        try:
            server = self._stack.enter_context(running_server(self._choice))
        except (UsageError, UnavailableError) as error:
            return SharedAt(problem=str(error))
        return SharedAt(server.kind, server.admin_dsn)


def asked(address: str) -> tuple[str, str]:
    """Kind and DSN of the server that is shared there; waits for its start. Raises UnavailableError for none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(REPLY_S_MAX)
        try:
            connection.connect(address)
            parts = b"".join(iter(lambda: connection.recv(4096), b""))
        except OSError as error:
            raise UnavailableError(f"the run's server cannot be asked for: {error}") from None
    answer = json.decode(parts, type=SharedAt)
    if answer.problem:
        raise UnavailableError(answer.problem)
    return answer.kind, answer.dsn
