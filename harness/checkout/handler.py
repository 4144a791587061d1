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

from harness.checkout.handler_statements import WAIT_MS, StatementClient, document_of
from harness.checkout.modules import Modules
from harness.checkout.served_modules import (
    NotRunnableError,
    ServedModules,
    Watched,
    runner_path,
    start_message,
)
from harness.clients.exchange import HeaderLine, Outcome, Reply, Request
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
    _clients: dict[int, StatementClient] = field(default_factory=dict)

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
                    self._send(asked["sql"], asked["values"], asked["client"])
                    self.node.write(line(self._result(asked["client"])))
                elif "result" in asked:
                    self.node.write(line(self._result(asked["result"], WAIT_MS // 5)))
                else:
                    return asked

    def _send(self, text: str, values: Sequence[str | None], client: int) -> None:
        if client not in self._clients:
            self._clients[client] = StatementClient(self.dsn)
        self._clients[client].send(text, values)
        self.statements += 1

    def _result(self, client: int, wait_ms: int = WAIT_MS) -> dict[str, Any]:
        result = self._clients[client].result(wait_ms)
        if result is None:
            return {"waits": True}
        document = document_of(result)
        if "error" in document:
            refused = RefusedStatement(document["code"], document["error"])
            self.refused[refused] = self.refused.get(refused, 0) + 1
        return document

    def close(self) -> None:
        """Closes its connections."""
        for client in self._clients.values():
            client.close()


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
