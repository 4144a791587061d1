"""Faults of the reply: what the header changes in it, and classes of requests that are always refused or lost."""

from collections.abc import Callable
from typing import Any, Final

from harness import plan
from harness.backend.builds import HeaderLines, Sender
from harness.backend.defects.parts import (
    SHORT_NAME,
    Class,
    Defect,
    accepted,
    at_gateway,
    faulty,
    header_sent,
    invalid,
    rewritten,
    signed_in,
    unless,
    with_junk_token,
)

DONE: Final = b"data: [DONE]"
Alters = Callable[[Sender, bytes], bytes]


def of_streams(alter: Callable[[bytes], bytes]) -> Alters:
    """Another event, in a stream that was asked for with the header."""
    return lambda sender, event: alter(event) if sender.streamed and header_sent(sender) else event


def before_end(more: bytes) -> Callable[[bytes], bytes]:
    """Something before the last event."""
    return lambda event: more + event if event.startswith(DONE) else event


def without_end(event: bytes) -> bytes:
    """Nothing in the last event's place."""
    return b"" if event.startswith(DONE) else event


def with_name(event: bytes) -> bytes:
    """An event that says what it is."""
    return b"event: message\n" + event


def of_documents(change: Callable[[dict[str, Any], str], dict[str, Any]]) -> Alters:
    """Another document in every event or body, given the value, where one was accepted."""

    def alter(sender: Sender, event: bytes) -> bytes:
        value = sender.accepted
        return event if value is None else rewritten(event, lambda document: change(document, value))

    return alter


def without_usage(document: dict[str, Any], _value: str) -> dict[str, Any]:
    """The document without its counts."""
    return {name: member for name, member in document.items() if name != "usage"}


def with_newline(sender: Sender, body: bytes) -> bytes:
    """A line end after a body that is no stream."""
    return body + b"\n" if header_sent(sender) and not sender.streamed else body


def lines(asked: Class, made: Callable[[Sender], HeaderLines]) -> Callable[[Sender], HeaderLines]:
    """Header lines of the reply, in a class of requests."""
    return lambda sender: made(sender) if asked(sender) else []


def other_charset(sender: Sender) -> HeaderLines:
    """The content type with a charset where it has none, and without where it has one."""
    kind = b"text/event-stream" if sender.streamed else b"application/json; charset=utf-8"
    return [(b"content-type", kind)]


def cookie(sender: Sender) -> HeaderLines:
    """A cookie that holds the value."""
    return [(b"set-cookie", SHORT_NAME.encode() + b"=" + (sender.accepted or "").encode("latin-1"))]


def status(code: int, asked: Class) -> Callable[[Sender], int]:
    """Refused in a class of requests."""
    return lambda sender: code if asked(sender) else 0


def headerless(sender: Sender) -> bool:
    """Whether no header was sent."""
    return not header_sent(sender)


def streamed_with_header(sender: Sender) -> bool:
    """Whether a stream was asked for with the header."""
    return sender.streamed and header_sent(sender)


def _altered(name: str, summary: str, alters: Alters) -> Defect:
    return faulty(name, summary, "V4", alters=alters)


def _lines(name: str, summary: str, made: Callable[[Sender], HeaderLines], asked: Class = accepted) -> Defect:
    return faulty(name, summary, "V4", reply_headers=lines(asked, made))


def _refused(name: str, summary: str, claim: str, code: int, asked: Class) -> Defect:
    return faulty(name, summary, claim, refuses=status(code, asked))


def _never(name: str, summary: str, asked: Class) -> Defect:
    return faulty(name, summary, "R1", writes=unless(asked))


REPLIES: Final[tuple[Defect, ...]] = (
    _altered("done-missing", "a stream with the header ends without [DONE]", of_streams(without_end)),
    _altered(
        "comment-added", "a stream with the header has a comment more", of_streams(before_end(b": ok\n\n"))
    ),
    _altered(
        "event-added",
        "a stream with the header has an event more",
        of_streams(before_end(b'data: {"object":"identified"}\n\n')),
    ),
    _altered("event-named", "events of a stream with the header have names", of_streams(with_name)),
    _altered("usage-dropped", "a reply to a value lacks its counts", of_documents(without_usage)),
    _altered(
        "member-added",
        "a reply holds the value",
        of_documents(lambda document, value: document | {SHORT_NAME: value}),
    ),
    _altered("newline-added", "a body ends in a line end where the header is", with_newline),
    _lines("charset-changed", "the content type has another charset", other_charset),
    _lines("says-stored", "a reply header says that a value was stored", lambda _: [(b"x-identified", b"1")]),
    _lines(
        "says-invalid",
        "a reply header says that the header is invalid",
        lambda _: [(b"warning", b'299 - "invalid id"')],
        invalid,
    ),
    _lines(
        "varies", "a reply varies by the header", lambda _: [(b"vary", plan.HEADER.encode())], header_sent
    ),
    _lines("sets-cookie", "a reply sets a cookie with the value", cookie),
)
"""The header shows in the reply."""

FAILING: Final[tuple[Defect, ...]] = (
    _never("signed-in-lost", "rows of signed-in users never come", signed_in),
    _never("headerless-lost", "rows without the header never come", headerless),
    _never("gateway-lost", "rows of the gateway's path never come", at_gateway),
    _never("junk-token-lost", "rows beside a token of nobody never come", with_junk_token),
    _refused("requires-header", "400 without the header", "C2", 400, headerless),
    _refused(
        "gateway-requires-header",
        "400 without the header at the gateway's path",
        "C2",
        400,
        lambda sender: headerless(sender) and at_gateway(sender),
    ),
    _refused("fails-streamed", "500 where a stream has the header", "V4", 500, streamed_with_header),
    _refused(
        "fails-signed-in",
        "500 where a signed-in user sends the header",
        "V4",
        500,
        lambda sender: signed_in(sender) and header_sent(sender),
    ),
)
"""A class of requests fails always."""
