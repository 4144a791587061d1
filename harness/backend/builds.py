"""Builds of the reference proxy as data: `before`, `after`, and whatever differs from them by one field.

A build is chosen by its name, so that it can be named on a command line and cross to another process.
The proxy asks a build at the few places where builds may differ; it never asks which build it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from harness import plan
from harness.headers.policy import Policy, received

HeaderLines = list[tuple[bytes, bytes]]
"""Header lines of a request as an ASGI scope has them: names in lower case, values trimmed."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a request and what the header rule made of it; what a build decides the column's value from."""

    email: str | None
    """The user's e-mail when signed in, else None."""
    header: str | None
    """The header as received, duplicates joined; None when it was not sent or is not read."""
    accepted: str | None
    """The value that the rule let through."""
    streamed: bool


def read_joined(headers: HeaderLines) -> str | None:
    """The plan's header as `Headers.get` returns it."""
    name = plan.HEADER.encode()
    return received([value for key, value in headers if key == name])


def apply_policy(policy: Policy, text: str) -> str | None:
    """The rule as it should be."""
    return policy.accepted(text)


def email_or_header(sender: Sender) -> str | None:
    """The plan's choice: the e-mail of a signed-in user, else the accepted header."""
    return sender.accepted if sender.email is None else sender.email


def address_only(address: str, _sender: Sender) -> str:
    """The anonymous id as it is: from the address alone."""
    return plan.ANONYMOUS_PREFIX + address


def once(_sender: Sender, _number: int) -> int:
    """Each request is accounted for once."""
    return 1


@dataclass(frozen=True, slots=True)
class Build:
    """One version of the backend. Every field but the first two has the reference's value as its default."""

    name: str
    summary: str
    read: Callable[[HeaderLines], str | None] | None = read_joined
    """How the header is read; None: it is not."""
    names_as_sent: bool = False
    """Whether it is read from lines whose names are as they were sent, not in lower case."""
    rule: Callable[[Policy, str], str | None] = apply_policy
    remembers: bool = False
    """Whether an accepted value stays for the next request that sends none."""
    mixes_up: bool = False
    """Whether what the rule let through is kept in one place for all requests that are open."""
    value: Callable[[Sender], str | None] = email_or_header
    columns: tuple[str, ...] = (plan.COLUMN,)
    """Columns that the INSERT names beyond those of the build as it was."""
    prelude: str | None = None
    """File below `sql/` with what its database has beyond the baseline."""
    insert: str = "usage/insert.sql"
    ending: str = ""
    """What the INSERT ends with beyond its file."""
    copy: str | None = None
    """File below `sql/` with a second statement of the same transaction."""
    anonymous_id: Callable[[str, Sender], str] = address_only
    refuses: Callable[[HeaderLines, Sender], bool] | None = None
    """Requests answered with 400 for their headers' sake."""
    reply_headers: Callable[[Sender, int], HeaderLines] | None = None
    error_page: bytes | None = None
    """Body of every error, where it is another than the reference's JSON and Node's empty refusals."""
    wish: Callable[[int], dict[str, Any]] | None = None
    """What the upstream stub is asked to do for the request of this number in this replica."""
    writes: Callable[[Sender, int], int] = once
    """How often a request is accounted for: given the sender and the request's number in this replica."""
    row_delay_s: float = 0.0
    """How long accounting waits after the reply."""


BEFORE: Final = Build(
    "before", "the backend as it was: neither reads the header nor writes the column", read=None, columns=()
)
AFTER: Final = Build("after", "the plan's backend: reads, validates and stores the header")
UNWIRED: Final = replace(
    AFTER,
    name="insert-unchanged",
    summary="the plan's route with the INSERT left as it was (File 4: likely already works)",
    columns=(),
)
