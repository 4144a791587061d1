"""A backend's handler run as it is under Node: requests go in, replies come out, its statements go to a database.

The code that runs them lies in `fixtures/checkout/handler/`. It asks for each module when a name of it is first used,
and hands each statement over; so Node needs no file of the checkout, no network and no database.
"""

import base64
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.pq import ExecStatus

from harness.checkout.modules import Modules
from harness.checkout.served_modules import (
    NotRunnableError,
    ServedModules,
    Watched,
    runner_path,
    start_message,
)
from harness.clients.exchange import HeaderLine, Outcome, Reply, Request
from harness.database.runners import connect
from harness.errors import UnavailableError
from harness.rule.node import NodeChild, line, node_child

ORIGIN: Final = "http://127.0.0.1"
SECONDS_MAX: Final = 60.0
"""Longest wait for the requests of one message, statements included."""


@dataclass(frozen=True, slots=True)
class RefusedStatement:
    """A statement that the database refused."""

    sqlstate: str
    message: str


@dataclass(frozen=True, slots=True)
class HandlerReply:
    """A reply, and what the value's property was given before it and after."""

    reply: Reply
    seen: tuple[tuple[str, str | None], ...]
    """`file:line`, and the value there."""


@dataclass(slots=True)
class RunningHandler:
    """A handler that takes requests; made by `running_handler`."""

    node: NodeChild
    served: ServedModules
    dsn: str
    refused: dict[RefusedStatement, int] = field(default_factory=dict)
    """How often each was refused."""
    statements: int = 0
    run: tuple[str, ...] = ()
    """Modules of the checkout that were run."""
    stubbed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """Modules that could not be run and were stood in for, each with the reason."""
    logged: tuple[str, ...] = ()
    """Errors that it wrote to its log, the first few."""
    threw: dict[str, int] = field(default_factory=dict)
    """What the handler threw, with the line, and how often."""
    _connections: dict[int, psycopg.Connection[Any]] = field(default_factory=dict)

    def replies(self, requests: Sequence[tuple[Request, str]]) -> list[HandlerReply]:
        """The reply to each request, all being open at once; each comes with the id that its model's reply has.

        Raises UnavailableError when Node ends or does not answer in time.
        """
        wanted = [_document(request, identity) for request, identity in requests]
        answer = self.call({"do": "requests", "requests": wanted})
        notes = answer["notes"]
        self.run, self.stubbed = tuple(notes["run"]), tuple(notes["stubbed"])
        self.failed = tuple(f"{each['at'] or each['file']}: {each['error']}" for each in notes["failed"])
        self.logged = tuple(dict.fromkeys(f"{each['at']}: {each['error']}" for each in notes["logged"]))
        for reply in answer["replies"]:
            if "error" in reply:
                reason = f"{reply['at']}: {reply['error']}" if reply["at"] else reply["error"]
                self.threw[reason] = self.threw.get(reason, 0) + 1
        return [
            HandlerReply(_reply(reply), tuple((at, value) for at, value in reply["seen"]))
            for reply in answer["replies"]
        ]

    def call(self, document: dict[str, Any]) -> Any:
        """The answer to a message; what is asked for meanwhile is given."""
        with self.node.deadline():
            self.node.write(line(document))
            while True:
                asked = self.node.read()
                if "need" in asked:
                    self.node.write(line(self.served.answer(asked["need"])))
                elif "sql" in asked:
                    self.node.write(line(self._execute(asked["sql"], asked["values"], asked["client"])))
                else:
                    return asked

    def _execute(self, text: str, values: Sequence[str | None], client: int) -> dict[str, Any]:
        """A statement with its parameters as node-postgres sends it: as text, their types left to the server."""
        if client not in self._connections:
            self._connections[client] = connect(self.dsn)
        given = [None if value is None else value.encode() for value in values]
        result = self._connections[client].pgconn.exec_params(text.encode(), given)
        self.statements += 1
        if result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
            message = result.get_error_message().strip().splitlines()[0]
            sqlstate = (result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()
            refused = RefusedStatement(sqlstate, message.removeprefix("ERROR:").strip())
            self.refused[refused] = self.refused.get(refused, 0) + 1
            return {"error": refused.message, "code": sqlstate}
        columns = range(result.nfields)
        return {
            "names": [(result.fname(at) or b"").decode() for at in columns],
            "oids": [result.ftype(at) for at in columns],
            "rows": [[_cell(result.get_value(row, at)) for at in columns] for row in range(result.ntuples)],
            "count": result.command_tuples or 0,
        }

    def close(self) -> None:
        """Closes its connections."""
        for connection in self._connections.values():
            connection.close()


class HandlerSource(NamedTuple):
    """What is run: the function that a file exports, and what stands in for the rest."""

    checkout: Path
    path: Path
    symbol: str
    stubs: Mapping[str, Path]
    """Files of stand-ins by the names of packages and of exported functions."""
    watched: Watched


@contextlib.contextmanager
def running_handler(
    source: HandlerSource, dsn: str, parameters: Mapping[str, str]
) -> Iterator[RunningHandler]:
    """The handler, for as long as the context lasts; its statements go to a database.

    `parameters` are the rollout's, for the stand-ins: of who is signed in, say.

    Raises NotRunnableError, and UnavailableError when Node cannot start.
    """
    name = source.path.resolve().relative_to(source.checkout.resolve()).as_posix()
    stubs = {of: str(file) for of, file in source.stubs.items()}
    more = {"watched": source.watched.property, "stubs": stubs, "parameters": dict(parameters)}
    with node_child(runner_path(), seconds_max=SECONDS_MAX) as node:
        handler = RunningHandler(node, ServedModules(Modules(source.checkout), source.watched), dsn)
        try:
            answer = handler.call(start_message("start", source.path, source.symbol, **more))
            if "error" in answer:
                raise NotRunnableError(f"{answer['at'] or f'{name}:1'}: {answer['error']}")
            yield handler
        except UnavailableError as error:
            raise NotRunnableError(f"{name}:1: {error}") from error
        finally:
            handler.close()


def _document(request: Request, identity: str) -> dict[str, Any]:
    return {
        "url": ORIGIN + request.path,
        "method": request.method,
        "headers": received_headers(request.headers),
        "body": base64.b64encode(request.body).decode(),
        "id": identity,
    }


def received_headers(lines: Sequence[HeaderLine]) -> list[tuple[str, str]]:
    """As Node decodes what came over the wire."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in lines]


def _reply(document: dict[str, Any]) -> Reply:
    if "error" in document:
        return Reply(Outcome.TIMEOUT, 0, reason=str(document["error"]))
    headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in document["headers"])
    return Reply(Outcome.REPLY, document["status"], headers, base64.b64decode(document["body"]))


def _cell(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
