"""Takes replies and rows apart into features, named texts of which two requests either agree or do not. Pure.

Whoever compares replies does it here. What varies by itself is masked: of somebody's backend that is learned from
requests without the header (`controls`), of ours it is declared, since two of those may agree by chance.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from harness.clients.exchange import HeaderLine, Outcome, Reply, documents
from harness.sut.observation import Row

Features = Mapping[str, str]
Leaf = tuple[str, str, object]
"""Place, type and value."""

STATUS: Final = "status"
SHAPE: Final = "shape of the body"
LINES: Final = "lines of the stream"
EVENTS: Final = "number of events"
COMMENTS: Final = "comments of the stream"
OUTCOME: Final = "outcome"
HEADER: Final = "header "
TYPE: Final = "header content-type"
NAMES: Final = "names of headers"
TEXT: Final = "text of the body"
HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)
"""Headers about a connection and not about the reply (RFC 9110, 7.6.1): they vary by the place on a connection."""
ID_LEAST: Final = 8
"""A shorter id may be a part of other texts, too."""
OWN_ID: Final = b"the id of the reply"
TEXT_MAX: Final = 120
"""Longer texts are told by their beginning and a digest."""


def reply_features(reply: Reply) -> dict[str, str]:
    """Status, each header, the framing of a stream, the shape of the JSON and each of its values."""
    if reply.status == 0:
        return {STATUS: "no reply" if reply.outcome is Outcome.TIMEOUT else "connection closed"}
    body = _body_features(_without_id(reply), reply.is_stream)
    return {STATUS: str(reply.status), **_header_features(reply.headers), **body}


@lru_cache(maxsize=256)  # replies of one second differ in little but their ids
def _header_features(headers: tuple[HeaderLine, ...]) -> Features:
    found: dict[str, str] = {}
    for name, value in headers:
        known = name.decode("latin-1").lower()
        if known not in HOP_BY_HOP:
            key, text = f"{HEADER}{known}", value.decode("latin-1")
            found[key] = f"{found[key]}, {text}" if key in found else text
    return found


DECLARED: Final = frozenset({"body id", "body created"})
"""What differs from one reply of a backend of ours to the next, whatever was sent; and so may the value of any header,
which one replica may count down, but for the type of the body."""
STEADY: Final = ("id", "created")
"""Members of a reply's documents that are left out where its text is compared."""


HELD_IN: Final = "the header's value in "
"""How a feature is named that tells of another one that it holds the value of the request's own header."""


def holding(features: Features, value: str) -> dict[str, str]:
    """The features, and in which of them this value stands, which nothing but the request's header holds.

    What varies by itself says nothing where it differs from that of a control; it never holds such a value.
    """
    return {**features, **{f"{HELD_IN}{name}": "there" for name, text in features.items() if value in text}}


class Strength(Enum):
    """How much of two replies must agree."""

    WHOLE = auto()
    SERVICE = auto()  # what an old client relies on: not further headers


def differing(features: Features, usual: Features, masked: Collection[str] = ()) -> set[str]:
    """Names of the features in which two requests differ, but for those that are masked."""
    found = {name for name, value in features.items() if usual.get(name) != value}
    found |= usual.keys() - features.keys()
    return found.difference(masked)


def reply_differences(reply: Reply, control: Reply, strength: Strength = Strength.WHOLE) -> list[str]:
    """In what a reply of a backend of ours differs from that to a request without the header; nothing where in none."""
    names = _differences(
        *(Reply(each.outcome, each.status, each.headers, _without_id(each)) for each in (reply, control))
    )
    return [name for name in names if name != NAMES or strength is Strength.WHOLE]


@lru_cache(maxsize=512)  # without their ids nearly all replies are one of a few
def _differences(reply: Reply, control: Reply) -> tuple[str, ...]:
    found = differing(_exact_features(reply), _exact_features(control), DECLARED)
    return tuple(sorted(name for name in found if name == TYPE or not name.startswith(HEADER)))


def _exact_features(reply: Reply) -> Features:
    """Those of any reply, and what may vary at a backend that is not ours: how it is framed, every event in full."""
    found = {**reply_features(reply), OUTCOME: reply.outcome}
    if reply.status:
        found[NAMES] = b" ".join(sorted({name for name, _ in reply.headers})).decode("latin-1")
        found[TEXT] = "\n".join(map(_steady_line, reply.body.splitlines()))
    return found


def _steady_line(line: bytes) -> str:
    try:
        document = json.loads(line.removeprefix(b"data:"))
    except ValueError:
        return line.decode("latin-1")
    if isinstance(document, dict):
        document = {key: None if key in STEADY else value for key, value in document.items()}
    return json.dumps(document, sort_keys=True)


def _without_id(reply: Reply) -> bytes:
    """Each reply has an id of its own: without it most bodies are one of a few, and those are read once."""
    identity = reply.upstream_id or ""
    if len(identity) >= ID_LEAST and identity.isascii():
        return reply.body.replace(identity.encode(), OWN_ID)
    return reply.body


@lru_cache(maxsize=256)
def _body_features(body: bytes, is_stream: bool) -> Features:
    leaves = list(_leaves(list(documents(body)), ""))
    found = {SHAPE: _shape(leaves) if leaves else "no JSON"}
    if is_stream:
        found |= _framing(body)
    return found | _values(leaves)


def row_features(rows: Iterable[Row]) -> dict[str, str]:
    """Each column of a request's pair of rows but the one that is rolled out; nothing unless there is one pair."""
    whole = [row for row in rows if row.whole]
    if len(whole) != 1:
        return {}
    texts = whole[0].texts
    keys, times_at = _columns(whole[0].names)
    held: Sequence[str] = ["NULL" if text is None else text for text in texts]
    if max(map(len, held), default=0) > TEXT_MAX:
        held = [short(text) for text in held]
    found = dict(zip(keys, held, strict=True))
    if times_at:
        times = {texts[place] for place in times_at}
        found["created_at of both rows"] = "the same" if len(times) == 1 else "different"
    return found


@lru_cache(maxsize=8)  # of thousands of rows
def _columns(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The features of these columns, and at which places the times of the two rows are."""
    times_at = tuple(place for place, name in enumerate(names) if name.endswith(".created_at"))
    return tuple(f"column {name}" for name in names), times_at


def shape(documents: Iterable[object]) -> str:
    """Which members there are and of what types, in all documents taken together; null is of any type."""
    return _shape(_leaves(list(documents), ""))


def short(text: str) -> str:
    """A text that may be kept for every request: long ones are cut and told apart by a digest."""
    if len(text) <= TEXT_MAX:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[:TEXT_MAX]}... ({len(text)} characters, {digest})"


def _shape(leaves: Iterable[Leaf]) -> str:
    return " ".join(sorted({f"{path}:{kind}" for path, kind, _ in leaves if kind}))


def _values(leaves: Iterable[Leaf]) -> dict[str, str]:
    """The values at each place of the JSON, in all documents taken together."""
    found: dict[str, dict[str, None]] = {}
    for path, kind, value in leaves:
        if kind not in ("object", "array"):
            found.setdefault(f"body {path}", {})[json.dumps(value)] = None
    return {path: short(", ".join(values)) for path, values in found.items()}


def _framing(body: bytes) -> dict[str, str]:
    """Kinds of lines in their order, runs of equal ones told once; how it ends is the last of them."""
    kinds: list[str] = []
    comments = events = 0
    for line in body.splitlines():
        comments += line.startswith(b":")
        events += line.startswith(b"data:")
        kind = _line_kind(line)
        if kind and (not kinds or kinds[-1] != kind):
            kinds.append(kind)
    ends = "CRLF" if b"\r\n" in body else "LF"
    tail = "" if body.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")) else ", cut off"
    return {
        LINES: short(f"{', '.join(kinds)} by {ends}{tail}"),
        EVENTS: str(events),
        COMMENTS: str(comments),
    }


def _line_kind(line: bytes) -> str:
    if line.startswith(b":"):
        return ""  # comments keep a connection alive, at any time: only their number is compared
    name, _, value = line.partition(b":")
    if name != b"data":
        return line.decode("latin-1") if line else ""
    text = value.strip()
    return "data" if text.startswith((b"{", b"[{")) else f"data {text.decode('latin-1')}"


def _leaves(value: object, path: str) -> Iterator[Leaf]:
    """Place, type and value of everything in a document; no type for null."""
    if isinstance(value, dict):
        yield path, "object", None
        for key, member in value.items():
            yield from _leaves(member, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        if path:
            yield path, "array", None
        for member in value:
            yield from _leaves(member, f"{path}[]" if path else "")
    elif isinstance(value, bool):
        yield path, "bool", value
    elif isinstance(value, int | float):
        yield path, "number", value
    else:
        yield path, "" if value is None else "string", value
