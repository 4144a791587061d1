"""What the catalogue's faults are made of: the record of a fault, and the classes of requests in which it shows."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from harness import plan
from harness.backend.builds import AFTER, Build, Sender
from harness.rule.policy import Policy

OTHER_COLUMNS: Final = "R3"
"""Id of the claim that the header changes no other column of the rows."""

SHORT_NAME: Final = plan.COLUMN.partition("_")[2]
SHORT_HEADER: Final = f"x-{plan.HEADER.split('-', 2)[2]}".encode()
"""The column's name and the header's, without the word by which others are told from them."""

_DATA: Final = b"data: "

Rule = Callable[[Policy, str], str | None]
Value = Callable[[Sender], str | None]
Class = Callable[[Sender], object]
"""Whether a request belongs to a class, by truth."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A faulty build, the version that it is a build of, and the claim meant to catch it."""

    build: Build
    claim: str
    version: str = "after"


def faulty(name: str, summary: str, claim: str, **fields: Any) -> Defect:
    """A defect of the plan's backend that differs by these fields of the build."""
    return Defect(replace(AFTER, name=name, summary=summary, **fields), claim)


def other_header(ending: str) -> bytes:
    """Another header that a request may have, by how its name ends."""
    return next(name for name in plan.REQUEST_HEADERS if name.endswith(ending)).encode()


def matching(pattern: str, limit: int = plan.LENGTH_MAX) -> Rule:
    """A rule that stores what the pattern is found in, up to a length; how hand-written rules go wrong."""
    compiled = re.compile(pattern)

    def rule(_policy: Policy, text: str) -> str | None:
        return text if len(text) <= limit and compiled.search(text) else None

    return rule


def changing(change: Callable[[str], str]) -> Rule:
    """The policy's rule on a text that is changed first."""

    def rule(policy: Policy, text: str) -> str | None:
        return policy.accepted(change(text))

    return rule


def changed(change: Callable[[str], str | None]) -> Rule:
    """The policy's rule; what it lets through is changed."""

    def rule(policy: Policy, text: str) -> str | None:
        accepted = policy.accepted(text)
        return None if accepted is None else change(accepted)

    return rule


def anonymous(value: Value) -> Value:
    """The e-mail of a signed-in user as it should be, and another value of an anonymous one."""

    def stored(sender: Sender) -> str | None:
        return value(sender) if sender.email is None else sender.email

    return stored


def unread(where: Class) -> Value:
    """Nothing from the header in a class of requests."""
    return anonymous(lambda sender: None if where(sender) else sender.accepted)


def header_sent(sender: Sender) -> bool:
    """Whether the header came, with whatever value."""
    return sender.header is not None


def accepted(sender: Sender) -> bool:
    """Whether the rule let the header through."""
    return sender.accepted is not None


def invalid(sender: Sender) -> bool:
    """Whether the header was sent and not accepted."""
    return bool(sender.header) and sender.accepted is None


def signed_in(sender: Sender) -> bool:
    """Whether the user is signed in."""
    return sender.email is not None


def with_junk_token(sender: Sender) -> bool:
    """Whether a token came that names nobody."""
    return sender.email is None and bool(sender.other(b"authorization"))


def at_gateway(sender: Sender) -> bool:
    """Whether the route's alias was asked."""
    return sender.asked.path == plan.ROUTES[1]


def unless(where: Class) -> Callable[[Sender], int]:
    """Accounted for once, but never in a class of requests."""
    return lambda sender: int(not where(sender))


def rewritten(event: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """The event or body with its JSON object changed; as it is where it holds none."""
    prefix = _DATA if event.startswith(_DATA) else b""
    try:
        document = json.loads(event[len(prefix) :])
    except ValueError:
        return event
    if not isinstance(document, dict):
        return event
    return prefix + json.dumps(change(document)).encode() + (b"\n\n" if prefix else b"")
