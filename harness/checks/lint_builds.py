"""What is wrong with the statements that build an index: what a concurrent build must not be given, and another index.

squawk recommends some of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness import plan
from harness.checks.lint_model import Lint
from harness.checks.lint_statements import Part, Session

BUILD: Final = re.compile(
    r"(?i)^(?:CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\b(?P<robust>\s+IF\s+NOT\s+EXISTS)?"
    r"|REINDEX\s+(?:\([^)]*\)\s*)?(?:INDEX|TABLE)\s+CONCURRENTLY\b)"
)
_NEVER_IN_TRANSACTION: Final = re.compile(r"(?i)^DROP\s+INDEX\s+CONCURRENTLY\b")
_INSIDE: Final = re.compile(
    r"(?is)\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\b|\bREINDEX\b[^;]*\bCONCURRENTLY\b"
)
_BODY: Final = re.compile(
    r"(?i)^(?:DO\b|CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b|SELECT\b|CALL\b)"
)
_NAME: Final = r'(?:"[^"]+"|\w+)'
_INDEX: Final = re.compile(
    rf"(?is)^CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})?\s*"
    rf"ON\s+(?:ONLY\s+)?(?:{_NAME}\s*\.\s*)?(?P<table>{_NAME})\s*(?:USING\s+(?P<method>{_NAME})\s*)?\((?P<rest>.*)$"
)


def is_concurrent(part: Part) -> bool:
    """Whether a statement builds or drops concurrently: a lock_timeout would end it half-way."""
    return bool(BUILD.match(part.code) or _NEVER_IN_TRANSACTION.match(part.code))


def build_faults(name: str, parts: Sequence[Part], *, in_transaction: bool) -> Iterator[Lint]:
    """What the concurrent builds of a file must not be given; `in_transaction`: its tool sends the file in one."""
    session = Session(in_transaction=in_transaction)
    for part in parts:
        session.take(part)
        build = BUILD.match(part.code)
        if build and build["robust"]:
            message = "IF NOT EXISTS passes over an invalid index and reports success"
            advice = "leave it out; after a failure: sql/recovery/drop_invalid_index.sql"
            yield Lint(name, part.line, "if-not-exists-on-build", message, advice)
        if session.in_transaction and (build or _NEVER_IN_TRANSACTION.match(part.code)):
            what = "build" if build else "DROP INDEX"
            message = f"a concurrent {what} in a transaction is always refused (25001)"
            advice = "a file of its own, which the tool sends outside a transaction"
            yield Lint(name, part.line, "build-in-transaction", message, advice)
        for setting in ("lock_timeout", "statement_timeout") if build else ():
            if value := session.of(setting):
                message = f"a {setting} of {value} ends the build in one of its waits; an invalid index stays"
                rule = f"{setting.replace('_', '-')}-on-build"
                yield Lint(name, part.line, rule, message, f"SET {setting} = 0 before it")
        if _BODY.match(part.code) and any(map(_builds_inside, part.literals)):
            message = "a concurrent build in a function, or in DO, is always refused (25001)"
            yield Lint(name, part.line, "build-in-function", message, "make it a statement of its own")


def _builds_inside(body: str) -> bool:
    """Whether a function's body builds concurrently, or puts such a statement together; not where it only says so."""
    code = re.sub(r"(?s)--[^\n]*|/\*.*?\*/|\bRAISE\b[^;]*", " ", body)
    return _INSIDE.search(code) is not None


def index_faults(parts: Mapping[str, Sequence[Part]]) -> Iterator[Lint]:
    """Indexes over the column that are not what the plan declares, where one stands in the declared one's place."""
    found = [
        (file, part, match) for file, some in parts.items() for part in some if (match := _on_table(part))
    ]
    wrong = [(file, part, match, why) for file, part, match in found if (why := _unlike(match))]
    has_right = len(wrong) < len(found)
    for file, part, match, why in wrong:
        if not has_right or _plain(match["name"]) == plan.INDEX:
            message = f"{why}; declared is btree ({plan.COLUMN})"
            yield Lint(file, part.line, "another-index", message, "build the declared one")


def _on_table(part: Part) -> re.Match[str] | None:
    match = _INDEX.match(part.code)
    if match is None or _plain(match["table"]) != plan.METADATA_TABLE:
        return None
    return match if plan.COLUMN in match["rest"].lower() else None


def _unlike(match: re.Match[str]) -> str:
    """Why an index is not the declared one, with what follows; empty where it is."""
    keys, after = _keys(match["rest"])
    method = _plain(match["method"]) or "btree"
    if match["unique"]:
        return "a UNIQUE index refuses the second request of an id: its usage row is lost"
    if method != "btree":
        return f"a {method} index is not what schema.ts declares, so the next generated migration replaces it"
    if re.search(r"(?i)\bWHERE\b", after):
        return "a partial index serves no look-up of what its predicate leaves out"
    own, _, options = keys[0].partition(" ")
    if re.search(r"(?i)\bCOLLATE\b|(?<!\btext)_ops\b", options):
        return f"an index with {' '.join(options.split())} serves no plain look-up by equality, or not surely"
    if _plain(own) != plan.COLUMN:
        return "an index that does not begin with the column itself serves no look-up by its value"
    return "an index over more columns is not what schema.ts declares" if len(keys) > 1 else ""


def _keys(rest: str) -> tuple[list[str], str]:
    """The keys of an index, and what comes after their parenthesis."""
    keys, depth, begin = [], 0, 0
    for at, char in enumerate(rest):
        if char == "," and depth == 0:
            keys.append(rest[begin:at].strip())
            begin = at + 1
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return [*keys, rest[begin:at].strip()], rest[at + 1 :]
    return [*keys, rest[begin:].strip()], ""


def _plain(name: str | None) -> str:
    """A name as PostgreSQL has it."""
    if name is None:
        return ""
    return name[1:-1] if name.startswith('"') else name.lower()
