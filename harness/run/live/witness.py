"""Stands before the reference proxy and enters in the logbook what it is asked and what it answers.

The proxy is the one that `prove` runs, unchanged. What HTTP refuses never reaches it and is entered all the same.
Knows nothing of rows but which requests must leave some. Of a reply it judges what shows without a twin request.
"""

import asyncio
import json
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from harness import plan
from harness.backend.app import (
    BODY_BYTES_MAX,
    Proxy,
    Receive,
    Refusal,
    Scope,
    Send,
    check_route,
    client_address,
    parse_body,
)
from harness.backend.builds import HeaderLines, Sender
from harness.backend.http import NodeProtocol
from harness.backend.usage import MISSING_ID, Abort, Accounts, Loss, Usage
from harness.checks.compatibility import REPLY
from harness.checks.requests import IGNORED
from harness.clients.exchange import Outcome, Reply
from harness.report.escape import visible
from harness.rule.policy import OWS, Policy
from harness.rule.reasons import http_reason, near_miss, reason
from harness.run.live.logbook import Due, Entry, Logbook, State
from harness.run.live.row_watch import Awaited, RowWatch

TEXT_LENGTH_MAX: Final = 200
"""Of a text from outside, no more than this is shown."""

_REQUEST_LINE: Final = re.compile(rb"([A-Z]+ \S+) HTTP/1\.[01]\r?\n")
_HEADER_LINE: Final = re.compile(rb"(?im)^%b:(.*)$" % re.escape(plan.HEADER.encode()))


@dataclass(slots=True, eq=False)
class Visit:
    """One request while it is being answered."""

    entry: Entry
    address: str
    since: datetime
    """The database's clock at some moment before it came."""
    task: "asyncio.Task[Any] | None"
    scope: Scope
    started: float = field(default_factory=time.monotonic)
    status: int = 0
    sent: bytearray = field(default_factory=bytearray)
    """The body of the request."""
    headers: HeaderLines = field(default_factory=list)
    """Of the reply."""
    body: bytearray = field(default_factory=bytearray)
    """Of the reply."""
    due: Due | None = None
    note: str = ""


_visit: ContextVar[Visit | None] = ContextVar("visit", default=None)
"""The request that the running task belongs to; the tasks of its accounting inherit it."""


class WitnessedAccounts(Accounts):
    """Accounts that note what each request must leave."""

    def later(self, usage: Usage, sender: Sender) -> None:
        """Notes what is due, then accounts for it as ever."""
        visit = _visit.get()
        if visit is not None:
            anonymous = sender.email is None
            user = plan.ANONYMOUS_PREFIX + visit.address if anonymous else usage.kilo_user_id
            visit.due = Due(usage.message_id, anonymous, sender.email, user, sender.streamed)
        super().later(usage, sender)


class Witness:
    """The proxy as an ASGI callable that is looked at."""

    def __init__(self, book: Logbook, rows: RowWatch, policy: Policy) -> None:
        self._book = book
        self._rows = rows
        self._policy = policy
        self._open: set[Visit] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.app: Proxy
        """The backend; set once it is there."""

    def tell(self, what: Loss | Abort) -> None:
        """Hears what the proxy's clients cannot see."""
        visit = _visit.get()
        if visit is None:
            return
        if isinstance(what, Abort):
            visit.note = "the client left before its reply was complete"
        else:
            self._rows.give_up(visit.entry.number, f"{what.sqlstate} {visible(what.message)}".strip())

    async def idle(self) -> None:
        """Waits until no request is being answered."""
        await self._idle.wait()

    def cut(self) -> None:
        """Ends the requests that are still being answered."""
        for visit in self._open:
            visit.note = "cut off when the harness ended"
            if visit.task is not None:
                visit.task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request and enters it."""
        visit = self._arrived(scope)

        async def heard() -> Any:
            message = await receive()
            if len(visit.sent) < BODY_BYTES_MAX:
                visit.sent += message.get("body", b"")
            return message

        async def witnessed(message: Any) -> None:
            if message["type"] == "http.response.start":
                visit.status, visit.headers = message["status"], message["headers"]
            elif len(visit.body) < BODY_BYTES_MAX:
                visit.body += message.get("body", b"")
            await send(message)

        _visit.set(visit)
        self._open.add(visit)
        self._idle.clear()
        try:
            await self.app(scope, heard, witnessed)
        except Exception as error:
            visit.note = _short(f"the backend failed: {type(error).__name__}: {error}".partition("\n")[0])
            visit.status = visit.status or 500
            raise
        finally:
            self._answered(visit)
            self._open.discard(visit)
            if not self._open:
                self._idle.set()

    def refused(self, client: str, status: int, lines: HeaderLines, packet: bytes) -> None:
        """Enters a request that HTTP refused: `lines` are whole, `packet` is where it went wrong."""
        mine = [value for name, value in lines if name == plan.HEADER.encode()]
        if status == 400:
            mine = [found[1].rstrip(b"\r") for found in _HEADER_LINE.finditer(packet)] or mine
        trimmed = tuple(value.strip(OWS) for value in mine)
        first = _REQUEST_LINE.match(packet)
        asked = _short(first[1].decode("latin-1")) if first else "a head that cannot be read"
        entry = self._book.open(client, asked, trimmed, http_reason(status, trimmed))
        self._book.put(
            replace(entry, state=State.NO_ROW, status=status, answered_ms=0.0, note="refused by HTTP")
        )

    def _arrived(self, scope: Scope) -> Visit:
        headers: HeaderLines = scope["headers"]
        lines = tuple(value for name, value in headers if name == plan.HEADER.encode())
        try:
            address = client_address(headers, scope.get("client"))
        except Refusal:
            address = ""
        asked = _short(f"{scope['method']} {scope['path']}")
        hint = "" if lines else _short(near_miss(name for name, _ in headers))
        ruling = reason(self._policy, lines)
        entry = self._book.open(_short(address) or "no address", asked, lines, ruling, hint)
        return Visit(entry, address, self._rows.stamp, asyncio.current_task(), scope)

    def _answered(self, visit: Visit) -> None:
        reply = Reply(Outcome.REPLY, visit.status, body=bytes(visit.body))
        entry = replace(
            visit.entry,
            state=State.ANSWERED if visit.due else State.NO_ROW,
            status=visit.status,
            answered_ms=(time.monotonic() - visit.started) * 1000,
            due=visit.due,
            faults=self._faults(visit),
            note=visit.note or _note(reply, due=visit.due is not None),
        )
        self._book.put(entry)
        if visit.due is not None:
            identity = reply.upstream_id or MISSING_ID
            self._rows.expect(Awaited(entry.number, identity, visit.due, visit.since, visit.started))

    def _faults(self, visit: Visit) -> tuple[str, ...]:
        """How the header has changed the reply, as far as one reply shows it."""
        claim = IGNORED if self._rows.served_by == "before" else REPLY
        faults = []
        if visit.status == 400 and visit.entry.lines and visit.address and not _refusable(visit):
            faults.append(f"{claim}: answered 400 for the header's sake")
        if any(name.lower() == plan.HEADER.encode() for name, _ in visit.headers):
            faults.append(f"{claim}: the reply carries {plan.HEADER}")
        return tuple(faults)


def protocol(witness: Witness, base: type[NodeProtocol]) -> type[NodeProtocol]:
    """The HTTP protocol that tells this witness what it refuses."""

    def on_refusal(self: NodeProtocol, reply: bytes, lines: HeaderLines, packet: bytes) -> None:
        client = self.client[0] if self.client else "no address"
        witness.refused(client, int(reply.split(b" ", 2)[1]), lines, packet)

    return type("WitnessedProtocol", (base,), {"on_refusal": on_refusal})


def _refusable(visit: Visit) -> bool:
    """Whether the route or the body are a reason to refuse the request."""
    try:
        check_route(visit.scope)
        parse_body(bytes(visit.sent))
    except Refusal:
        return True
    return False


def _note(reply: Reply, *, due: bool) -> str:
    if reply.status == 0:
        return "the client left before there was a reply"
    if reply.status < 400:
        return "" if due else "the upstream's reply cannot be read"
    try:
        error = json.loads(reply.body)["error"]
        text = error["message"] if isinstance(error, dict) else error
    except (ValueError, LookupError, TypeError):
        return ""
    return _short(str(text))


def _short(text: str) -> str:
    return visible(text[:TEXT_LENGTH_MAX])
