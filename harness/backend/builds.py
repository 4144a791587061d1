"""Builds of the reference proxy as data: `before`, `after`, and whatever differs from them by one field.

A build is chosen by its name, so that it can be named on a command line and cross to another process.
The proxy asks a build at the few places where builds may differ; it never asks which build it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness import plan
from harness.rollout.tables import UsersTable
from harness.rule.policy import Policy, received

HeaderLines = list[tuple[bytes, bytes]]
"""Header lines of a request as an ASGI scope has them: names in lower case, values trimmed."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request that can be answered: what the app reads of it before it asks the build."""

    path: str
    headers: HeaderLines
    names: Sequence[bytes]
    """The names of the header lines as they were sent."""
    document: dict[str, Any]
    """The body; not to be changed."""
    body_bytes: int
    address: str
    user: str | None
    """Id of the signed-in user, else None."""
    email: str | None
    """E-mail of the signed-in user, else None."""
    streamed: bool

    @property
    def model(self) -> str:
        """The model that is asked for."""
        return str(self.document["model"])


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a request and what the header rule made of it; what a build decides from."""

    asked: Incoming
    policy: Policy
    header: str | None
    """The header as received, duplicates joined; None when it was not sent or is not read."""
    accepted: str | None
    """The value that the rule let through."""
    number: int
    """The request's number in this replica, from 1 on."""

    @property
    def email(self) -> str | None:
        """The user's e-mail when signed in, else None."""
        return self.asked.email

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return self.asked.streamed

    def other(self, name: bytes) -> str | None:
        """Another header of the request, by its name in lower case; None when there is none."""
        return received([value for key, value in self.asked.headers if key == name])


@dataclass(slots=True)
class Memory:
    """What a replica keeps from one request to the next."""

    served: int = 0
    """Requests that a build was asked about."""
    latest: str | None = None
    """What the rule let through last."""
    kept: dict[str, str] = field(default_factory=dict)
    """Whatever else a build keeps, under keys of its own."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A statement that a build executes after the accounting statement, with its values and a few more."""

    file: str
    """File below `sql/`; empty: the accounting statement again, for a new pair of rows."""
    delay_s: float | None = None
    """How long after the accounting statement; None: in one transaction with it."""
    values: tuple[tuple[str, object], ...] = ()


def read_joined(headers: HeaderLines) -> str | None:
    """The plan's header as `Headers.get` returns it."""
    return received([value for key, value in headers if key == _NAME])


_NAME: Final = plan.HEADER.encode()


def apply_policy(policy: Policy, text: str) -> str | None:
    """The rule as it should be."""
    return policy.accepted(text)


def email_or_header(sender: Sender) -> str | None:
    """The plan's choice: the e-mail of a signed-in user, else the accepted header."""
    return sender.accepted if sender.asked.email is None else sender.asked.email


def address_only(sender: Sender) -> str:
    """The anonymous id as it is: from the address alone."""
    return plan.ANONYMOUS_PREFIX + sender.asked.address


def once(_sender: Sender) -> int:
    """Each request is accounted for once."""
    return 1


@dataclass(frozen=True, slots=True)
class AccountingInsert:
    """An accounting statement as a text with marks: {columns}, {values}, {ctes}."""

    text: str
    ctes: str = ""
    """Common table expressions, each with a comma behind it."""
    expressions: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What a column is given, where that is not the value itself."""


@dataclass(frozen=True, slots=True)
class Build:
    """One version of the backend. Every field but the first two has the reference's value as its default."""

    name: str
    summary: str
    read: Callable[[HeaderLines], str | None] | None = read_joined
    """How the header is read; None: it is not."""
    routes: tuple[str, ...] = plan.ROUTES
    """Paths that are served."""
    names_as_sent: bool = False
    """Whether it is read from lines whose names are as they were sent, not in lower case."""
    rule: Callable[[Policy, str], str | None] = apply_policy
    recalls: Callable[[Memory, Sender], str | None] | None = None
    """What takes the place of what the rule let through, given what the replica keeps; it may keep more."""
    mixes_up: bool = False
    """Whether what the rule let through is kept in one place for all requests that are open."""
    value: Callable[[Sender], str | None] = email_or_header
    columns: tuple[str, ...] = (plan.COLUMN,)
    """Columns that the INSERT names beyond those of the build as it was; each is bound to the value."""
    prelude: str | None = None
    """File below `sql/` with what its database has beyond the baseline."""
    insert: str | AccountingInsert = "insert.sql"
    """The accounting statement: a file below `sql/`, or a text."""
    headers: Mapping[str, str] = field(default_factory=lambda: plan.STATEMENT_HEADERS, hash=False)
    """Headers that values of the accounting statement are taken from, by the values' names."""
    users: UsersTable | None = plan.USERS
    """Where an e-mail is looked up; None where nobody signs in."""
    column: str = plan.COLUMN
    """The column that is rolled out."""
    stores: Callable[[Policy, HeaderLines, str], str | None] | None = None
    """What it makes of all header lines of a request to a path, where that is not by `read` and then `rule`."""
    ending: str = ""
    """What the INSERT ends with beyond its file."""
    changes: Callable[[Sender, Mapping[str, object]], Mapping[str, object]] | None = None
    """Values of the INSERT that are other ones, by name, given all of them."""
    follows: Callable[[Memory, Sender], tuple[FollowUp, ...]] | None = None
    """Statements after the INSERT."""
    anonymous_id: Callable[[Sender], str] = address_only
    refuses: Callable[[Sender], int] | None = None
    """Status with which a request is refused for its headers' sake; 0: it is not."""
    reply_headers: Callable[[Sender], HeaderLines] | None = None
    """Header lines of the reply, added or in the place of those of the same name."""
    alters: Callable[[Sender, bytes], bytes] | None = None
    """What becomes of a good reply: of each event of a stream with its blank line, or of the whole body."""
    error_page: bytes | None = None
    """Body of every error, where it is another than the reference's JSON and Node's empty refusals."""
    behaviour: Callable[[Sender], dict[str, Any]] | None = None
    """What the upstream stub is asked to do."""
    writes: Callable[[Sender], int] = once
    """How often a request is accounted for."""
    delay_s: Callable[[Sender], float] | None = None
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
