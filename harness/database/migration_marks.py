"""What the comments in a migration file say to its tool: which part goes up, and what keeps it out of a transaction.

Pure. Lines of the file stay where they are: what does not go up becomes blank lines.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

from harness.database.scripts import statements_of


class SentAs(StrEnum):
    """How a tool sends a file."""

    APART = "each statement by itself"
    AT_ONCE = "as one message, which is one transaction if it holds several statements"
    TRANSACTION = "in one transaction"
    AS_NEEDED = "in one transaction, unless no statement can be in one"
    UNKNOWN = "in a way that is not known"


class Section(NamedTuple):
    """A part of a file that is sent by itself, with blank lines for the rest."""

    text: str
    sent: SentAs


class Marked(NamedTuple):
    """A file by its marks."""

    tool: str
    sections: tuple[Section, ...]
    replaces: frozenset[str]


_MARKS: Final = (
    ("goose", r"\+goose\s+(up|down)\b", r"\+goose\s+no\s+transaction", SentAs.APART),
    ("dbmate", r"migrate:(up|down)\b", r"migrate:up\b.*transaction:false", SentAs.AT_ONCE),
    ("sql-migrate", r"\+migrate\s+(up|down)\b", r"\+migrate\s+up\b.*notransaction", SentAs.APART),
    ("node-pg-migrate", r"(up|down)\s+migration\b", r"pg-migrate-disable-transaction", SentAs.AT_ONCE),
    ("Play", r"!(up|down)s\b", r"(?!)", SentAs.TRANSACTION),
)
"""A tool; in a comment, what begins a direction, and what keeps the file out of a transaction; how it is sent then."""
_UNKNOWN_MARK: Final = re.compile(
    r"(?i)^\s*--+\s*[@!+=#*-]*\s*(?:migrat\w*\s*:?\s*)?(up|down|rollback|undo|revert|upgrade|downgrade)"
    r"(?:\s*(?:migration|script|:\s*[\w:-]*))?\s*[=#*-]*\s*$"
)
_LIQUIBASE: Final = re.compile(r"(?i)^\s*--\s*liquibase\s+formatted\s+sql")
_CHANGESET: Final = re.compile(r"(?i)^\s*--\s*changeset\s+\S+(?P<attributes>.*)$")
_TERN: Final = re.compile(r"(?i)^\s*----\s*create\s+above\s*/\s*drop\s+below\s*----")
_DIRECTIVES: Final = (
    ("Atlas", r"(?im)^--\s*atlas:txmode\s+none\s*$", SentAs.APART),
    ("graphile-migrate", r"(?im)^--!\s*no-transaction\b", SentAs.AT_ONCE),
    ("tern", r"(?im)^----\s*tern:\s*disable-tx\s*----", SentAs.APART),
    # Its driver sends the whole file in one message.
    ("sqlx", r"(?im)\A\s*--\s*no-transaction", SentAs.AT_ONCE),
)
"""A tool, what keeps a file of it out of a transaction, and how it is sent then."""
_SIGNS: Final = (
    ("Atlas", r"(?im)^--\s*atlas:\w+"),
    ("graphile-migrate", r"(?im)^--!\s*(?:Previous|Hash|split|no-transaction)\b"),
    (
        "psql",
        r"(?m)^\\(?:set|if|elif|else|endif|i|ir|include|connect|c|echo|timing|gset|encoding|unset|prompt|pset)\b",
    ),
)
"""A tool, and what in a file only it understands."""
_REPLACES: Final = {
    "Flyway": "${}",
    "Liquibase": "${}",
    "sqitch": ":name",
    "psql": ":name",
    "graphile-migrate": ":name",
    "tern": "{{}}",
}


def by_marks(text: str, tool: str, sent: SentAs) -> Marked:
    """A file as its marks say; `tool` and `sent` as its folder says, where that names a tool."""
    if _LIQUIBASE.match(text):
        return _marked("Liquibase", _changesets(text))
    up = text
    if not tool or tool in ("tern", "golang-migrate's layout"):
        tool, up, sent = _direction(text, tool, sent)
    for name, sign in _SIGNS:
        if not tool and re.search(sign, text):
            tool, sent = name, SentAs.APART if name == "psql" else SentAs.TRANSACTION
    for name, directive, free in _DIRECTIVES:
        if tool in ("", name, "golang-migrate's layout") and re.search(directive, text):
            tool, sent = name, free
    if sent is SentAs.AS_NEEDED:
        sent = _by_flyway(up)
    marked = _marked(tool, (Section(up, sent),))
    if tool == "goose" and re.search(r"(?im)^\s*--\s*\+goose\s+envsub\s+on", text):
        return marked._replace(replaces=frozenset({"${}"}))
    return marked


def _marked(tool: str, sections: tuple[Section, ...]) -> Marked:
    return Marked(tool, sections, frozenset({_REPLACES[tool]} if tool in _REPLACES else ()))


def _direction(text: str, tool: str, sent: SentAs) -> tuple[str, str, SentAs]:
    """The tool that marks directions in a file, the part that goes up, and how it is sent."""
    for name, begin, free, free_sent in _MARKS:
        up, marks = _up(text, re.compile(rf"(?i)\s*(?:#\s*)?--+\s*{begin}"))
        if marks:
            is_free = re.search(rf"(?im)^\s*--\s*{free}", text)
            return name, up, free_sent if is_free else SentAs.TRANSACTION
    lines = text.splitlines(keepends=True)
    at = next((number for number, line in enumerate(lines) if _TERN.match(line)), None)
    if at is not None:
        return "tern", "".join((*lines[:at], *("\n" for _ in lines[at:]))), SentAs.TRANSACTION
    up, marks = _up(text, _UNKNOWN_MARK)
    if "down" in marks and statements_of(text) != statements_of(up):
        return tool or "an unknown tool's marks", up, sent if tool else SentAs.UNKNOWN
    return tool, text, sent


def _up(text: str, mark: re.Pattern[str]) -> tuple[str, set[str]]:
    """The part that goes up, and the directions that are marked."""
    lines, is_up, marks = [], True, set()
    for line in text.splitlines(keepends=True):
        direction = mark.match(line)
        if direction:
            is_up = direction[1].lower() in ("up", "upgrade")
            marks.add("up" if is_up else "down")
        lines.append(line if is_up and not direction else "\n")
    return "".join(lines), marks


def _changesets(text: str) -> tuple[Section, ...]:
    """Each changeset of a Liquibase file: what an attribute says holds for it alone. Source: its manual."""
    lines = text.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if _CHANGESET.match(line)] or [0]
    found = []
    for begin, end in zip(begins, (*begins[1:], len(lines)), strict=True):
        match = _CHANGESET.match(lines[begin].rstrip())
        attributes = match["attributes"].lower() if match else ""
        if not _is_for_postgres(attributes):
            continue
        sent = SentAs.TRANSACTION
        if re.search(r"runintransaction\s*:\s*\"?false", attributes):
            whole = re.search(r"splitstatements\s*:\s*\"?false", attributes)
            sent = SentAs.AT_ONCE if whole else SentAs.APART
        kept = (line if begin <= number < end else "\n" for number, line in enumerate(lines))
        found.append(Section("".join(kept), sent))
    return tuple(found) or (Section("\n" * len(lines), SentAs.TRANSACTION),)


def _is_for_postgres(attributes: str) -> bool:
    match = re.search(r"dbms\s*:\s*\"?([\w!,\s]*?)\"?(?=\s+\w+:|\s*$)", attributes)
    names = {name.strip() for name in match[1].split(",")} if match else set()
    if "!postgresql" in names:
        return False
    return not names or "postgresql" in names or all(name.startswith("!") for name in names)


def _by_flyway(text: str) -> SentAs:
    """It leaves out the transaction for a file of statements that cannot be in one, and refuses to mix them."""
    code = [statement.text for statement in statements_of(text)]
    alone = all(re.search(r"(?i)\bCONCURRENTLY\b|^\s*(?:RE)?SET\b", each) for each in code)
    return SentAs.APART if alone else SentAs.TRANSACTION
