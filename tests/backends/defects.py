"""What can be wrong with the independent backends, as data: the faults each can be started with, and its bad days.

Must not know how a backend brings a fault about, nor which claim of the plan it breaks.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Kind = Literal["node", "flask"]
KINDS: Final[tuple[Kind, ...]] = ("node", "flask")


class Failure(StrEnum):
    """What sort of promise a defect breaks."""

    RULE = "decides wrongly which header is stored"
    VALUE = "stores something else than what was sent"
    LEAK = "stores what another request sent"
    REPLY = "lets the header change the reply"
    IDENTITY = "takes one kind of user for another, or his e-mail for something else"
    ROWS = "writes too many rows or too few"


@dataclass(frozen=True, slots=True)
class IndependentDefect:
    """One fault that one of the backends can be started with."""

    kind: Kind
    name: str
    about: str
    failure: Failure


DEFECTS: Final = (
    IndependentDefect("node", "limit-254", "255 characters are one too many", Failure.RULE),
    IndependentDefect("node", "unanchored", "one allowed character anywhere is enough", Failure.RULE),
    IndependentDefect("node", "first-of-two", "of two lines the first is taken", Failure.RULE),
    IndependentDefect(
        "node", "name-case-sensitive", "only the name in lower case is the header", Failure.RULE
    ),
    IndependentDefect("node", "stream-forgotten", "streamed requests store NULL", Failure.RULE),
    IndependentDefect("node", "lower-cased", "the value is stored in lower case", Failure.VALUE),
    IndependentDefect("node", "truncated-64", "only the first 64 characters are stored", Failure.VALUE),
    IndependentDefect(
        "node", "sticks-to-connection", "a request without the header has the connection's last", Failure.LEAK
    ),
    IndependentDefect(
        "node", "sticks-to-address", "a request without the header has its address's last", Failure.LEAK
    ),
    IndependentDefect("node", "header-echoed", "the reply carries the request's header", Failure.REPLY),
    IndependentDefect("node", "body-marked", "a valid header adds a member to the body", Failure.REPLY),
    IndependentDefect(
        "node", "email-replaced", "a signed-in user's valid header is stored for his e-mail", Failure.IDENTITY
    ),
    IndependentDefect("node", "row-doubled", "each request is written down twice", Failure.ROWS),
    IndependentDefect("node", "rows-lost", "one request in twenty is never written down", Failure.ROWS),
    IndependentDefect(
        "node", "metadata-missing", "an invalid header costs the request its metadata row", Failure.ROWS
    ),
    IndependentDefect("flask", "limit-256", "256 characters are not yet too many", Failure.RULE),
    IndependentDefect("flask", "limit-none", "no value is too long", Failure.RULE),
    IndependentDefect("flask", "end-unanchored", "only the first character is looked at", Failure.RULE),
    IndependentDefect("flask", "word-characters", "letters beyond ASCII are allowed", Failure.RULE),
    IndependentDefect("flask", "json-forgotten", "requests without streaming store NULL", Failure.RULE),
    IndependentDefect("flask", "empty-string", "where NULL belongs, '' is stored", Failure.VALUE),
    IndependentDefect(
        "flask", "sticks-across", "a request without the header has the last one anybody sent", Failure.LEAK
    ),
    IndependentDefect("flask", "refused-400", "an invalid header is refused with 400", Failure.REPLY),
    IndependentDefect(
        "flask", "anon-id-from-header", "a valid header becomes the anonymous user's id", Failure.IDENTITY
    ),
    IndependentDefect("flask", "email-missing", "a signed-in user's rows hold NULL", Failure.IDENTITY),
    IndependentDefect(
        "flask", "signed-in-stored", "signed-in users are stored by the anonymous rule", Failure.IDENTITY
    ),
    IndependentDefect("flask", "rows-lost", "one request in twenty is never written down", Failure.ROWS),
    IndependentDefect("flask", "metadata-doubled", "a usage row has two metadata rows", Failure.ROWS),
)

MODES: Final = (
    "429-half",  # half of the requests are told to come back later
    "500-half",  # half of the requests fail
    "html",  # everything is answered 200 with a page to sign in on
    "hang",  # requests are read and never answered
    "close-random",  # a quarter of the connections close before the reply, a quarter in the middle of it
    "overwrites-forwarded-for",  # every anonymous user is known by the address he connects from
    "die-after-20",  # the process ends when it gets one request more; any number will do
)
"""Bad days, which both backends can have; `die-after-N` for any N."""


def defect_names(kind: Kind) -> tuple[str, ...]:
    """The names `--defect` takes."""
    return tuple(defect.name for defect in DEFECTS if defect.kind == kind)
