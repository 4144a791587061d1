"""What an entry of the catalogue is."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "orphan rows",
    "path",
    "factors",
    "value shapes",
    "memory",
    "later change / columns",
    "replies",
    "systematic failure",
    "classes of header value",
    "hidden rows",
    "index",
    "fleet",
    "schema",
]
Where = Literal["code", "sql", "fleet"]
PLAIN = "plain"


@dataclass(frozen=True)
class Stage:
    """The builds behind a balancer from a request's number on, in the order of their turns."""

    after: int
    builds: tuple[str, ...]


@dataclass(frozen=True)
class Fleet:
    """A balancer: what it gives to the builds in turn, and which builds there are when."""

    by: Literal["connection", "request", "address"]
    stages: tuple[Stage, ...]
    drains: bool = False  # connections from before a stage are closed with their next reply


@dataclass(frozen=True)
class Entry:
    """A variant of the backend, of its database or of its fleet."""

    name: str
    kind: Kind
    where: Where
    harmful: bool
    sentence: str
    build: str = PLAIN  # which build serves, where it is not the entry's own
    sql: str = ""  # run by a superuser once the schema is there; {role} is the reader's name
    role: str = ""  # the role that must read the rows; empty for the superuser
    fleet: Fleet | None = None


def code(kind: Kind, name: str, sentence: str) -> Entry:
    """A fault in the build that has the entry's name."""
    return Entry(name, kind, "code", True, sentence, build=name)


def code_harmless(kind: Kind, name: str, sentence: str) -> Entry:
    """A harmless build that has the entry's name."""
    return Entry(name, kind, "code", False, sentence, build=name)
