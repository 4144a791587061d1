"""Header lines of the user's own, sent with every request: how a protected site is reached. Their values are secret."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Final, Self
from urllib.parse import quote, quote_plus

from harness.clients.exchange import FRAMING, HeaderLine, Reply, Request
from harness.clients.request_spec import RequestSpec, plan_spec
from harness.clients.shape import Extra
from harness.errors import UsageError
from harness.rule.cases import other_names

EXAMPLE: Final = "x-vercel-protection-bypass: VALUE"
BYTES_MAX: Final = 4096
"""Of all lines together: with more, heads grow beyond what servers take."""
SECRET_MIN: Final = 6
"""Shorter values are no secrets: nobody could tell them from other words of a reply."""
ALONE_MAX: Final = 8
"""Shorter ones are masked where they stand alone, longer ones anywhere."""
HOP_BY_HOP: Final = frozenset({b"keep-alive", b"proxy-connection", b"content-encoding", b"http2-settings"})
MASK: Final = b"***"
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")


@dataclass(frozen=True)
class ExtraHeaders:
    """What goes with every request; no comparison, no report and no file holds a value of it."""

    lines: tuple[HeaderLine, ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Further values of which no comparison, no report and no file holds any: of a rollout's parameters."""

    @classmethod
    def read(
        cls, written: Iterable[str], spec: RequestSpec | None = None, secrets: tuple[str, ...] = ()
    ) -> Self:
        """Lines from `NAME: VALUE`, blank ones left out, beside requests of a rollout, by default the plan's.

        Raises UsageError, which never quotes a value.
        """
        lines = tuple(_read(text.strip(), spec or plan_spec()) for text in written if text.strip())
        size = sum(len(name) + len(value) + 4 for name, value in lines)
        if size > BYTES_MAX:
            raise UsageError(f"--request-header: {size:,} bytes in all, {BYTES_MAX:,} at most; pass fewer")
        return cls(lines, secrets)

    @property
    def size(self) -> int:
        """Bytes that they add to a head."""
        return sum(len(name) + len(value) + 4 for name, value in self.lines)

    @property
    def hidden(self) -> Mapping[bytes, bytes]:
        """What is printed in place of each value: a variable of the shell, by the name in lower case."""
        return {name.lower(): b"$" + _variable(name) for name, _ in self.lines}

    @property
    def options(self) -> str:
        """The options that give the same, for a line to copy; a blank before each."""
        options = (f"{name.decode()}: ${_variable(name).decode()}" for name, _ in self.lines)
        return "".join(f' --request-header "{word}"' for word in options)

    def added(self, request: Request) -> Request:
        """The request with these lines before its own."""
        return replace(request, headers=(*self.lines, *request.headers)) if self.lines else request

    def masked(self, text: str) -> str:
        """The text without a value; itself where it holds none."""
        octets = text.encode("utf-8", "surrogatepass") if self._secrets is not None else b""
        if self._secrets is None or self._secrets.search(octets) is None:
            return text
        return self._secrets.sub(MASK, octets).decode("utf-8", "surrogatepass")

    def is_in(self, octets: bytes) -> bool:
        """Whether octets hold a value, be it as a part of a word; more than what is masked."""
        return any(form in octets for form in self._forms)

    def masked_reply(self, reply: Reply) -> Reply:
        """The reply without a value, so that what echoes one is like what does not."""
        if self._secrets is None or self._in_body is None:
            return reply
        held = any(self._secrets.search(value) for _, value in reply.headers) or self._in_body.search(
            reply.body
        )
        if not held and not reply.reason:
            return reply
        headers = tuple((name, self._secrets.sub(MASK, value)) for name, value in reply.headers)
        return replace(
            reply, headers=headers, body=self._in_body.sub(MASK, reply.body), reason=self.masked(reply.reason)
        )

    @property
    def _values(self) -> tuple[str, ...]:
        return (*(value.decode() for _, value in self.lines), *self.secrets)

    @cached_property
    def _forms(self) -> list[bytes]:
        """The longest first."""
        return sorted({form for value in self._values for form in _forms(value)}, key=len, reverse=True)

    @cached_property
    def _secrets(self) -> re.Pattern[bytes] | None:
        return _pattern(self._forms, rb"(?<![\w-])%b(?![\w-])")

    @cached_property
    def _in_body(self) -> re.Pattern[bytes] | None:
        """In a body a short one is masked as a whole text only: it may stand for the name of something, too."""
        return _pattern(self._forms, rb'(?<=")%b(?=")')


NONE_GIVEN: Final = ExtraHeaders()


def _read(text: str, spec: RequestSpec) -> HeaderLine:
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _NAME.fullmatch(name):
        raise UsageError(
            f"--request-header: no NAME of letters, digits and - _ . before a colon; for example '{EXAMPLE}'"
        )
    if not value:
        raise UsageError(f"--request-header: {name} has no value; is the variable that should hold it set?")
    if not _VALUE.fullmatch(value):
        raise UsageError(f"--request-header: the value of {name} has characters beyond printable ASCII")
    known = name.lower().encode()
    if known == spec.header_name:
        raise UsageError(f"--request-header: {name} is the header that is rolled out; the probes send it")
    if known in varied_names(spec):
        raise UsageError(
            f"--request-header: the probes vary {name} themselves; protect the site by another header"
        )
    if known in FRAMING | HOP_BY_HOP:
        raise UsageError(
            f"--request-header: {name} frames the message or is about the connection; leave it out"
        )
    return name.encode(), value.encode()


@lru_cache(maxsize=8)
def varied_names(spec: RequestSpec) -> frozenset[bytes]:
    """Names that requests have of their own, in lower case, and those that something may take for the header's."""
    request = spec.rollout.tables.request
    own = {"content-type", "authorization", "user-agent", "connection", request.client_address or ""}
    own |= set(request.headers) | {name for identity in spec.identities for name in identity.headers}
    own |= {name for extra in Extra for name, _ in spec.extra_lines(extra)}
    names = {name.lower().encode() for name in own if name}
    return frozenset(names | {name.lower() for name in other_names(spec.header_name)}) - FRAMING


def _pattern(forms: Iterable[bytes], alone: bytes) -> re.Pattern[bytes] | None:
    patterns = [re.escape(form) if len(form) >= ALONE_MAX else alone % re.escape(form) for form in forms]
    return re.compile(b"|".join(patterns)) if patterns else None


def _forms(value: str) -> Iterator[bytes]:
    """A value and its longer words, each as it is and as JSON, a URL or HTML would hold it."""
    for text in (value, *re.split(r"[\s=;,:]+", value)):
        if len(text) >= (SECRET_MIN if text == value else ALONE_MAX):
            for form in (
                text,
                json.dumps(text)[1:-1],
                quote(text, safe=""),
                quote_plus(text),
                html.escape(text),
            ):
                yield form.encode()


def _variable(name: bytes) -> bytes:
    return re.sub(rb"[^A-Z0-9]", b"_", name.upper())
