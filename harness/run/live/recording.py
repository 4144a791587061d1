"""ASGI middleware in front of the reference proxy: logs what it is asked, what it answers, and which row is due.

The proxy is the one that `prove` runs, unchanged. What HTTP refuses never reaches it and is logged all the same. Of a
reply it judges what shows without a control.
"""

import asyncio
import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

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
from harness.backend.builds import HeaderLines
from harness.backend.http import NodeProtocol
from harness.backend.losses import Abort, Loss
from harness.backend.usage import MISSING_ID
from harness.checks.row_checks import IGNORED, REPLY
from harness.clients.exchange import Outcome, Reply
from harness.clients.filled_text import user_of
from harness.clients.request_spec import RequestSpec
from harness.probing.probe_factory import received_probe
from harness.report.escape import visible
from harness.rule.policy import OWS, Policy
from harness.rule.reasons import http_reason, near_miss, reason
from harness.run.live.open_request import OpenRequest, open_request
from harness.run.live.request_log import ExpectedRow, RequestLog, State
from harness.run.live.row_poller import PendingRow, RowPoller
from harness.sut.observation import Observation

TEXT_LENGTH_MAX: Final = 200
"""Of a text from outside, no more than this is shown."""

_REQUEST_LINE: Final = re.compile(rb"([A-Z]+ \S+) HTTP/1\.[01]\r?\n")


class RecordingMiddleware:
    """The proxy as an ASGI callable that is logged."""

    def __init__(
        self, log: RequestLog, poller: RowPoller, spec: RequestSpec, policy: Policy, served_by: str
    ) -> None:
        self._log = log
        self._spec = spec
        self._header = spec.header_name.decode("ascii")
        self._header_line = re.compile(rb"(?im)^%b:(.*)$" % re.escape(spec.header_name))
        self._poller = poller
        self._policy = policy
        self._served_by = served_by
        self._open: set[OpenRequest] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.app: Proxy
        """The backend; set once it is there."""

    def on_event(self, event: Loss | Abort) -> None:
        """Logs what the proxy's clients cannot see."""
        request = open_request.get()
        if request is None:
            return
        if isinstance(event, Abort):
            request.note = "the client left before its reply was complete"
        else:
            self._poller.give_up(request.entry.number, f"{event.sqlstate} {visible(event.message)}".strip())

    async def idle(self) -> None:
        """Waits until no request is being answered."""
        await self._idle.wait()

    def cut(self) -> None:
        """Ends the requests that are still being answered."""
        for request in self._open:
            request.note = "cut off when the harness ended"
            if request.task is not None:
                request.task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request and logs it."""
        request = self._arrived(scope)

        async def received() -> Any:
            message = await receive()
            if len(request.sent) < BODY_BYTES_MAX:
                request.sent += message.get("body", b"")
            return message

        async def recorded(message: Any) -> None:
            if message["type"] == "http.response.start":
                request.status, request.headers = message["status"], message["headers"]
            elif len(request.body) < BODY_BYTES_MAX:
                request.body += message.get("body", b"")
            await send(message)

        open_request.set(request)
        self._open.add(request)
        self._idle.clear()
        try:
            await self.app(scope, received, recorded)
        except Exception as error:
            request.note = _short(f"the backend failed: {type(error).__name__}: {error}".partition("\n")[0])
            request.status = request.status or 500
            raise
        finally:
            self._answered(request)
            self._open.discard(request)
            if not self._open:
                self._idle.set()

    def refused(self, client: str, status: int, lines: HeaderLines, packet: bytes) -> None:
        """Logs a request that HTTP refused: `lines` are whole, `packet` is where it went wrong."""
        values = [value for name, value in lines if name == self._spec.header_name]
        if status == 400:
            values = [match[1].rstrip(b"\r") for match in self._header_line.finditer(packet)] or values
        trimmed = tuple(value.strip(OWS) for value in values)
        first = _REQUEST_LINE.match(packet)
        asked = _short(first[1].decode("latin-1")) if first else "a head that cannot be read"
        entry = self._log.open(client, asked, trimmed, http_reason(status, trimmed, self._header))
        self._log.put(
            replace(entry, state=State.NO_ROW, status=status, answered_ms=0.0, note="refused by HTTP")
        )

    def _arrived(self, scope: Scope) -> OpenRequest:
        headers: HeaderLines = scope["headers"]
        lines = tuple(value for name, value in headers if name == self._spec.header_name)
        try:
            address = client_address(headers, scope.get("client"))
        except Refusal:
            address = ""
        asked = _short(f"{scope['method']} {scope['path']}")
        hint = "" if lines else _short(near_miss((name for name, _ in headers), self._header))
        ruling = reason(self._policy, lines)
        usual = asked == f"POST {self._spec.rollout.tables.request.paths[0]}"
        entry = self._log.open(_short(address) or "no address", asked, lines, ruling, hint, usual=usual)
        nobody = user_of(self._spec.identities[0], {}, address) or ""
        return OpenRequest(entry, address, nobody, self._poller.stamp, asyncio.current_task(), scope)

    def _answered(self, request: OpenRequest) -> None:
        reply = Reply(Outcome.REPLY, request.status, body=bytes(request.body))
        entry = replace(
            request.entry,
            state=State.ANSWERED if request.due else State.NO_ROW,
            status=request.status,
            answered_ms=(time.monotonic() - request.started) * 1000,
            due=request.due,
            faults=self._faults(request),
            note=request.note or _note(reply, due=request.due is not None),
        )
        self._log.put(entry)
        if request.due is not None:
            observation = self._observation(request, request.due, reply.upstream_id or MISSING_ID)
            self._poller.expect(PendingRow(entry.number, observation, request.started))

    def _observation(self, request: OpenRequest, due: ExpectedRow, reply_id: str) -> Observation:
        """The request as the checks take it; of its reply they need the id alone, and its body may be long."""
        lines = request.entry.lines
        probe = received_probe(
            self._spec,
            lines,
            path=request.scope["path"],
            user=due.user,
            email=due.email,
            stream=due.streamed,
        )
        reply = Reply(Outcome.REPLY, 200, body=json.dumps({"id": reply_id}).encode())
        return Observation(probe, reply, (), self._served_by, "serve", request.since)

    def _faults(self, request: OpenRequest) -> tuple[str, ...]:
        """How the header has changed the reply, as far as one reply shows it."""
        claim = IGNORED if self._served_by == "before" else REPLY
        faults = []
        if (
            request.status == 400
            and request.entry.lines
            and request.address
            and not _refusable(request, self._spec.rollout.tables.request.paths)
        ):
            faults.append(f"{claim}: answered 400 for the header's sake")
        if any(name.lower() == self._spec.header_name for name, _ in request.headers):
            faults.append(f"{claim}: the reply carries {self._header}")
        return tuple(faults)


def protocol(recorder: RecordingMiddleware, base: type[NodeProtocol]) -> type[NodeProtocol]:
    """The HTTP protocol that tells this recorder what it refuses."""

    def on_refusal(self: NodeProtocol, reply: bytes, lines: HeaderLines, packet: bytes) -> None:
        client = self.client[0] if self.client else "no address"
        recorder.refused(client, int(reply.split(b" ", 2)[1]), lines, packet)

    return type("RecordingProtocol", (base,), {"on_refusal": on_refusal})


def _refusable(request: OpenRequest, paths: Sequence[str]) -> bool:
    """Whether the route or the body are a reason to refuse the request."""
    try:
        check_route(request.scope, paths)
        parse_body(bytes(request.sent))
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
