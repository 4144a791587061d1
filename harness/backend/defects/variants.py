"""Builds that differ from the plan's backend and are right: the gate must say GO; and two to ask a plan about."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from harness.backend.builds import AFTER, BEFORE, Build, FollowUp, HeaderLines, Memory, Sender
from harness.backend.defects.parts import matching, rewritten

LATE_S_MAX: Final = 0.3
"""Rows of `late-at-random` come at most so long after the reply."""
_EXTRA_EVENT: Final = b'data: {"object":"ping"}\n\n'


def always(*statements: FollowUp) -> Callable[[Memory, Sender], tuple[FollowUp, ...]]:
    """The same statements after every request's INSERT."""
    return lambda _memory, _sender: statements


def numbered(_memory: Memory, sender: Sender) -> tuple[FollowUp, ...]:
    """The request's number goes into a column of its own."""
    return (FollowUp("usage/own_value.sql", values=(("number", sender.number),)),)


def chance(sender: Sender) -> random.Random:
    """What looks like chance, and is the same again for a request of this number."""
    return random.Random(sender.number)  # noqa: S311 - variety, no secret


def turned(sender: Sender) -> HeaderLines:
    """Three lines, beginning with another one each time."""
    lines = [(b"x-a", b"1"), (b"vary", b"accept"), (b"x-b", b"2")]
    first = sender.number % len(lines)
    return lines[first:] + lines[:first]


def by_connection(sender: Sender) -> HeaderLines:
    """What a server says of itself and of how long a connection stays."""
    left = 100 - sender.number % 100
    return [
        (b"keep-alive", f"timeout=5, max={left}".encode()),
        (b"x-served-by", f"cache-{chance(sender).randrange(4)}".encode()),
    ]


def request_id(sender: Sender) -> HeaderLines:
    """An id of the request."""
    return [(b"x-request-id", f"{chance(sender).getrandbits(64):016x}".encode())]


def cookies(sender: Sender) -> HeaderLines:
    """A cookie in every other reply or so."""
    draw = chance(sender)
    return [(b"set-cookie", f"lb={draw.getrandbits(32):08x}; Path=/".encode())] if draw.random() < 0.5 else []


def commented(sender: Sender, event: bytes) -> bytes:
    """A comment before each event of a stream."""
    return b": keep-alive\n\n" + event if sender.streamed else event


def with_ping(sender: Sender, event: bytes) -> bytes:
    """A last event that says nothing; a member that says nothing in what is no stream."""
    if sender.streamed:
        return _EXTRA_EVENT + event if event.startswith(b"data: [DONE]") else event
    return rewritten(event, lambda document: document | {"ping": True})


def shuffled(sender: Sender, event: bytes) -> bytes:
    """The members of a reply in another order each time."""

    def shuffle(document: dict[str, Any]) -> dict[str, Any]:
        members = list(document.items())
        chance(sender).shuffle(members)
        return dict(members)

    return rewritten(event, shuffle)


def _right(name: str, summary: str, **fields: Any) -> Build:
    return replace(AFTER, name=name, summary=summary, **fields)


VARIANTS: Final = (
    _right("ascii-word", r"[\w-] with re.ASCII instead of the class", rule=matching(r"\A(?a:[\w-])+\Z")),
    _right("late-rows", "rows a second after the reply", delay_s=lambda _: 1.0),
    _right(
        "counts-down",
        "a rate-limit header that counts down",
        reply_headers=lambda sender: [(b"x-ratelimit-remaining", str(1_000_000 - sender.number).encode())],
    ),
    _right(
        "extra-columns",
        "other columns beside the planned one",
        prelude="usage/extra_columns.sql",
    ),
    _right(
        "error-pages",
        "errors are pages, not JSON, and refusals have a body",
        error_page=b"<!doctype html><title>Error</title><p>Something went wrong.",
    ),
    _right(
        "other-words",
        "a reply says something else each time",
        behaviour=lambda sender: {"times": 1 + sender.number * 7 % 5},
    ),
    _right("closes", "a connection for each request", reply_headers=lambda _: [(b"connection", b"close")]),
    _right("shuffles-headers", "reply headers in another order each time", reply_headers=turned),
    _right("served-by", "reply headers that tell the server and the connection", reply_headers=by_connection),
    _right("request-id", "an id of its own in each reply's headers", reply_headers=request_id),
    _right("cookies-at-random", "a cookie in every other reply or so", reply_headers=cookies),
    _right("stream-comments", "a comment before each event of a stream", alters=commented),
    _right("extra-event", "an event or a member more in every reply", alters=with_ping),
    _right("shuffles-members", "the members of a reply in another order each time", alters=shuffled),
    _right(
        "metadata-first",
        "the metadata row first, the usage row after it, in two statements",
        insert="usage/metadata_first.sql",
        follows=always(FollowUp("usage/usage_after.sql", 0.05)),
    ),
    _right(
        "late-at-random",
        "rows up to 0.3 s after the reply, each by another time",
        delay_s=lambda sender: chance(sender).uniform(0, LATE_S_MAX),
    ),
    _right(
        "own-column",
        "a column of its own, written for everybody",
        prelude="usage/own_columns.sql",
        follows=numbered,
    ),
    _right(
        "updated-at",
        "the time of the last change is stored with the value",
        prelude="usage/own_columns.sql",
        follows=always(FollowUp("usage/touch.sql")),
    ),
    _right(
        "extra-lookup",
        "a row more in a lookup table with each request",
        follows=always(FollowUp("usage/extra_lookup.sql")),
    ),
    _right(
        "retries-insert",
        "the first try of every INSERT fails, the second does not",
        follows=always(FollowUp("usage/fail_first.sql")),
    ),
)
"""Builds that differ and are right: the gate must say GO."""

RETURNS_STAR: Final = replace(
    BEFORE,
    name="returns-star",
    summary="the INSERT returns every column, which a prepared statement may not when one is added",
    ending="\nRETURNING *",
)
ARCHIVES: Final = replace(
    BEFORE,
    name="archives",
    summary="copies each row by SELECT * into a table that the migration does not know",
    follows=always(FollowUp("usage/archive.sql")),
)
"""Builds that work until the column is added: what a plan must ask about before it calls itself compatible."""
