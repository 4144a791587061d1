"""Every claim: what it says of any rollout, and what a rollout's file must have for it to be asked. Pure.

A file may word a claim otherwise. Sentences of a plan's own are the file's `audit`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from harness.automata.bounds import bounds_of
from harness.automata.pattern import parsed
from harness.rollout.tables import Tables
from harness.verdict import Claim


class Condition(NamedTuple):
    """When a claim is asked."""

    applies: Callable[[Tables], bool]
    reason: str
    """Why it is not asked where that does not hold."""


def makes_ids(tables: Tables) -> bool:
    """Whether the client makes the value itself, and the file says how it is made, kept and given to the handler."""
    client = tables.client
    return client is not None and None not in (client.storage, client.derived, client.option)


def _bounded(tables: Tables) -> bool:
    rule = tables.header.rule if tables.header else ()
    return any(operation.take or _has_bound(operation.match) for operation in rule)


def _has_bound(source: str | None) -> bool:
    """Whether no text fits an expression that is longer than some length, which is known."""
    pattern = None if source is None else parsed(source)
    return pattern is not None and pattern.obstacle is None and bounds_of(pattern.tree).longest is not None


_ALWAYS: Final = Condition(lambda _: True, "")
_HEADER: Final = Condition(lambda tables: tables.header is not None, "no header")
_BOUND: Final = Condition(_bounded, "the rule has no bound that is known")
_REFERENCE: Final = Condition(lambda tables: tables.reference.insert is not None, "no reference.insert")
_OWN_VALUES: Final = Condition(
    lambda tables: any(identity.value != "{header}" or identity.auth for identity in tables.identity),
    "each identity stores the header, and none has a token",
)
_USERS: Final = Condition(
    lambda tables: any(identity.user for identity in tables.identity), "no identity has a user"
)
_STEPS: Final = Condition(lambda tables: bool(tables.step), "no steps")
_SWAPS: Final = Condition(
    lambda tables: (
        _STEPS.applies(tables) and all(step.replicas > 1 for step in tables.step if step.kind == "deploy")
    ),
    "there is one replica, and none beside it serves while it is replaced",
)
_SQL: Final = Condition(lambda tables: any(step.kind == "sql" for step in tables.step), "no step of SQL")
_TAKEN_BACK: Final = Condition(
    lambda tables: (
        _SQL.applies(tables) and all(step.down is not None for step in tables.step if step.kind == "sql")
    ),
    "a step of SQL has no down",
)
_INDEX: Final = Condition(
    lambda tables: any(step.concurrent for step in tables.step), "no index is built concurrently"
)
_ALONE: Final = Condition(_INDEX.applies, "no step is refused in a transaction")
_TEXT: Final = Condition(
    lambda tables: (tables.store.detail or tables.store.main).type == "text", "the column is no text"
)
_RUNNER: Final = Condition(
    lambda tables: tables.runner.kind != "statements", "no runner but plain statements"
)
_CLIENT: Final = Condition(lambda tables: tables.client is not None, "no client")
_STORAGE: Final = Condition(makes_ids, "no client.storage with client.derived and client.option")
_BACKEND_FILES: Final = Condition(lambda tables: "route" in tables.backend.files, "no backend.files")
_CLIENT_FILES: Final = Condition(
    lambda tables: tables.client is not None and "options" in tables.client.files, "no client.files"
)
_AUDIT: Final = Condition(lambda tables: bool(tables.audit), "no audit")

CLAIMS: Final[Mapping[str, tuple[Condition, str]]] = {
    "V1": (_HEADER, "A header that the rule accepts is stored as the rule says."),
    "V2": (_BOUND, "A value at each bound of the rule's length is stored, one beyond it is not."),
    "V3": (_HEADER, "What the rule refuses, an empty header and duplicates fare as the rule says."),
    "V4": (
        _HEADER,
        "No header, whatever it holds, changes the status, the headers or the body of the reply.",
    ),
    "V5": (
        _HEADER,
        "A request without the header stores what the rule says for none, whatever was sent before it.",
    ),
    "V6": (_HEADER, "Bytes that HTTP refuses never reach the rule, and leave no row."),
    "V7": (_HEADER, "The rule that is tested is the file's JavaScript."),
    "V8": (_HEADER, "The header counts by its name in any case, and no header of another name counts."),
    "V9": (_HEADER, "Requests that are open at once each store what they sent."),
    "V10": (
        _HEADER,
        "Whatever a server makes of bytes that HTTP refuses, nothing is stored but what the rule can give.",
    ),
    "C1": (_HEADER, "The backend as it was ignores the header."),
    "C2": (
        _HEADER,
        "A client that sends no header is served as before, and its rows hold what the rule says for none.",
    ),
    "C3": (_REFERENCE, "What a database session had prepared before the first step goes on working."),
    "I1": (
        _OWN_VALUES,
        "The rows of each identity with an account hold what the file says of it, under its own user.",
    ),
    "I2": (_USERS, "The header does not change who is accounted."),
    "R1": (_HEADER, "Every request leaves exactly one row in each of its tables."),
    "R2": (
        _HEADER,
        "When requests go wrong, the new backend loses a row only where the old one does, or a step is missing.",
    ),
    "R3": (_HEADER, "The header changes no other column of the rows."),
    "D1": (_HEADER, "No row holds a value that the rule cannot give."),
    "M1": (_SQL, "The steps leave the rows that exist as they were."),
    "M2": (_SQL, "The steps rewrite no row."),
    "M3": (_SQL, "The column is as the steps declare it."),
    "M4": (_INDEX, "The index that the steps declare serves every look-up by a value of the column."),
    "M5": (_INDEX, "A look-up by a value of the column is answered from the index."),
    "M6": (
        _INDEX,
        "While an index is built, other sessions can read, insert and update, also while the build waits for others.",
    ),
    "M7": (_TEXT, "A row without a value is no bigger than before."),
    "M8": (
        _SQL,
        "Under writers of both builds the steps fail none, and every accepted write has all its rows.",
    ),
    "M9": (_TAKEN_BACK, "Taken back by their files, the steps leave the schema and the rows as they were."),
    "M10": (
        _ALONE,
        "A file that builds an index concurrently is accepted statement by statement; in a transaction it is refused,"
        " and nothing is changed.",
    ),
    "M11": (_SQL, ""),
    "M13": (
        _INDEX,
        "However the concurrent build fails, running the recovery (twice) leaves a valid index, no write lost.",
    ),
    "M14": (
        _SQL,
        "Every statement of the steps takes the lock on the rollout's tables that is predicted for it.",
    ),
    "M15": (_RUNNER, ""),
    "O1": (_STEPS, "The plan's order is safe at every stage and across every step."),
    "O2": (
        _STEPS,
        "Exactly the orders that keep the rule which the steps' statements let expect are safe.",
    ),
    "O3": (
        _STEPS,
        "A request that is open while a step is taken is served and accounted for by the build that had it.",
    ),
    "O4": (_SWAPS, "A replica is swapped under traffic without the loss of a request or a row."),
    "O5": (
        _STEPS,
        "After any single roll-back, at any time, nothing is unsafe but what the steps' statements let expect.",
    ),
    "E1": (
        _STORAGE,
        "From every device the client derives the id that its file describes, which the rule accepts.",
    ),
    "E2": (
        _STORAGE,
        "An installation derives its id once, stores it before use, and keeps it; a lost write changes nothing.",
    ),
    "E3": (_STORAGE, "The client sends its request even if its storage fails or is wrong."),
    "E4": (_STORAGE, "An id that the rule accepts is sent, or none, whatever the storage holds."),
    "E5": (
        _CLIENT,
        "The client sends the header that its options give, or none, and changes no other header.",
    ),
    "E6": (_STORAGE, ""),
    "E7": (_STORAGE, "Installations send an id of their own or none, and none without telemetry."),
    "F1": (_BACKEND_FILES, ""),
    "F2": (_BACKEND_FILES, ""),
    "F3": (_BACKEND_FILES, ""),
    "F4": (_BACKEND_FILES, ""),
    "F7": (_CLIENT_FILES, ""),
    "F8": (_CLIENT_FILES, ""),
    "A0": (_AUDIT, ""),
    "S1": (_ALWAYS, ""),
    "S2": (_ALWAYS, ""),
}
"""By their ids; what a claim says is empty where the plan's file alone words it, or the check beside it does."""


def sentence_of(claim: str) -> str:
    """What a claim says of any rollout."""
    return CLAIMS[claim][1]


def worded(claim: Claim, tables: Tables) -> Claim:
    """The claim in the file's words where it has some, with the file's quote; else as it stands."""
    wording = tables.claims.get(claim.id)
    if wording is None:
        return claim
    sentence, least = wording.sentence or claim.sentence, wording.least or claim.least
    return Claim(claim.id, sentence, wording.quote, wording.section, least)


def asked(tables: Tables) -> tuple[str, ...]:
    """The claims that apply, the file's own sentences last."""
    general = (name for name, (condition, _) in CLAIMS.items() if condition.applies(tables))
    return (*general, *(audit.id for audit in tables.audit))


def not_asked(tables: Tables) -> Iterator[tuple[tuple[str, ...], str]]:
    """Claims that do not apply, with the reason, a reason once."""
    reasons: dict[str, list[str]] = {}
    for name, (condition, _) in CLAIMS.items():
        if not condition.applies(tables):
            reasons.setdefault(condition.reason, []).append(name)
    for reason, ids in reasons.items():
        yield tuple(ids), reason
