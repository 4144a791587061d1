"""What a build makes of a request, without I/O: refused or served, who sent it, what is stored, what the reply becomes.

The proxy decides by `decide` and then acts. `play` decides a sequence of requests as a fresh replica would, from
the bytes that a client sends: where that is not what the reference makes of them, the sequence shows a faulty build.
What depends on requests that are open at once differs in no sequence.
"""

import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from harness.backend.admission import Refusal, check_path, read_incoming, refusal_of
from harness.backend.builds import Build, FollowUp, HeaderLines, Incoming, Memory, Sender
from harness.backend.completion import Completion
from harness.backend.entry import changes_of, usage_of
from harness.backend.http import FIELDS_MAX, HEAD_BYTES_MAX
from harness.clients.exchange import Request
from harness.rule.policy import OWS, Policy, refused

INCOMING_MAX: Final = 16_384
"""Requests that are kept as they were read, so that many builds can be asked about them."""
PEER: Final = ("127.0.0.1", 0)
"""Where requests come from that are not sent."""
_TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OF_READING: Final = ("names_as_sent", "read", "rule", "stores", "recalls")
"""What a sender follows from, of a build."""
_BUILD_REFUSALS: Final = {400: "header not accepted", 500: "Internal server error"}

EVENTS: Final = (
    b'data: {"id":"gen-0","model":"m","choices":[{"index":0,"delta":{"content":"All"},"finish_reason":null}]}\n\n',
    b'data: {"id":"gen-0","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":12,"completion_tokens":3,"cost":0}}\n\n',
    b"data: [DONE]\n\n",
)
"""A stream of the upstream, for whatever a build does to the events of any."""
BODY: Final = (
    b'{"id":"gen-0","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"All"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":3,"cost":0}}',
)
"""A reply of the upstream that is no stream, in one piece."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a build makes of one request; two are equal when nobody could tell them apart."""

    refusal: Refusal | None = None
    user_id: str = ""
    value: str | None = None
    """What the planned column holds; None where the build does not write it."""
    times: int = 0
    """How often the request is accounted for."""
    changes: Mapping[str, object] = field(default_factory=dict)
    """Other values of the INSERT that are not the reference's, by name."""
    follows: tuple[FollowUp, ...] = ()
    """Statements after the INSERT."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Header lines of the reply, added or in the place of those of the same name."""
    events: tuple[bytes, ...] = ()
    """What becomes of `EVENTS` or `BODY`; empty when they stay as they are."""
    sender: Sender | None = field(default=None, compare=False)
    """What it was decided from; None when the request was refused before that."""


def decide(build: Build, policy: Policy, asked: Incoming, memory: Memory) -> Decision:
    """What the build makes of a request that could be read; the replica remembers what the build keeps."""
    if (refusal := refusal_of(asked)) is not None:
        return Decision(refusal)
    return _decided(build, _sender(build, policy, asked, memory), memory)


def _decided(build: Build, sender: Sender, memory: Memory) -> Decision:
    asked = sender.asked
    if build.refuses is not None and (status := build.refuses(sender)):
        body = {"error": _BUILD_REFUSALS.get(status, "refused")}
        return Decision(Refusal(status, body), sender=sender)
    user = asked.user if asked.email is not None else None
    user_id = user or build.anonymous_id(sender)
    return Decision(
        user_id=user_id,
        value=stored_value(build, sender),
        times=build.writes(sender),
        changes=_nominal_changes(build, sender, user_id) if build.changes else {},
        follows=build.follows(memory, sender) if build.follows else (),
        headers=tuple(build.reply_headers(sender)) if build.reply_headers else (),
        events=_altered(build, sender) if build.alters else (),
        sender=sender,
    )


def stored_value(build: Build, sender: Sender) -> str | None:
    """What the planned column holds; NULL where the build does not write it."""
    return build.value(sender) if build.column in build.columns else None


def play(
    build: Build, policy: Policy, requests: Sequence[Request], emails: Sequence[str | None]
) -> list[Decision]:
    """What a fresh replica of the build makes of the requests, one after the other.

    Each request has the e-mail of its signed-in user, or None; the e-mail stands for the user's id as well. A
    request that HTTP refuses is a refusal 400 or 431 without a body. Raises ValueError for unequal lengths.
    """
    memory = Memory()
    decisions = []
    for request, email in zip(requests, emails, strict=True):
        asked = incoming(request, email)
        decisions.append(
            Decision(asked) if isinstance(asked, Refusal) else decide(build, policy, asked, memory)
        )
    return decisions


def decides_alike(
    build: Build,
    right: Build,
    decisions: Sequence[Decision],
    policy: Policy,
    requests: Sequence[Request],
    emails: Sequence[str | None],
) -> bool:
    """Whether `play` makes these decisions of the requests, which are those of the right build.

    Read no further than to the first that differs, and the header once where both read it alike.
    """
    memory = Memory()
    reads_alike = build.recalls is None and all(
        getattr(build, name) == getattr(right, name) for name in _OF_READING
    )
    for request, email, decision in zip(requests, emails, decisions, strict=True):
        asked = incoming(request, email)
        if isinstance(asked, Refusal):
            continue
        if reads_alike and (sender := decision.sender) is not None:
            memory.served, memory.latest = sender.number, sender.accepted
            differs = _decided(build, sender, memory) != decision
        else:
            differs = decide(build, policy, asked, memory) != decision
        if differs:
            return False
    return True


@lru_cache(maxsize=INCOMING_MAX)
def incoming(request: Request, email: str | None) -> Incoming | Refusal:
    """The request as the app reads it under Node, or why it ends before any build is asked."""
    headers: HeaderLines = [(name.lower(), value.strip(OWS)) for name, value in request.headers]
    names = [name for name, _ in request.headers]
    if any(refused(value) for _, value in request.headers) or any(not _is_name(name) for name in names):
        return Refusal(400, {})
    size = len(request.path) + sum(len(name) + len(value) for name, value in headers)
    if size >= HEAD_BYTES_MAX or len(headers) > FIELDS_MAX:
        return Refusal(431, {})
    try:
        path = urllib.parse.unquote(request.path.partition("?")[0])
        check_path(path, request.method)
        asked = read_incoming(path, headers, names, request.body, PEER)
    except Refusal as refusal:
        return Refusal(refusal.status, refusal.body)
    return replace(asked, user=email, email=email)


def _is_name(name: bytes) -> bool:
    return bool(name) and not name.translate(None, _TOKEN)


def _sender(build: Build, policy: Policy, asked: Incoming, memory: Memory) -> Sender:
    memory.served += 1
    lines = asked.headers
    if build.names_as_sent:
        lines = [(name, value) for name, (_, value) in zip(asked.names, lines, strict=True)]
    text = build.read(lines) if build.read is not None else None
    accepted = build.rule(policy, text) if text else None
    if build.stores is not None:
        accepted = build.stores(policy, lines, asked.path)
    sender = Sender(asked, policy, text, accepted, memory.served)
    if build.recalls is not None:
        sender = replace(sender, accepted=build.recalls(memory, sender))
    memory.latest = sender.accepted
    return sender


def _nominal_changes(build: Build, sender: Sender, user_id: str) -> Mapping[str, object]:
    """What the build changes of the usage that a plain reply comes to."""
    completion = Completion("gen-0", sender.asked.model, "stub", "stop", 12, 3)
    usage = usage_of(
        sender.asked, user_id, completion, 200, latency=0.0, complete=True, sources=build.headers
    )
    return changes_of(build, sender, usage)


def _altered(build: Build, sender: Sender) -> tuple[bytes, ...]:
    if build.alters is None:
        return ()
    plain = EVENTS if sender.streamed else BODY
    altered = tuple([build.alters(sender, event) for event in plain])
    return () if altered == plain else altered
