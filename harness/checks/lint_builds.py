"""What is wrong with the statements that build an index: what a concurrent build must not be given, and another index.

squawk recommends some of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.checks.lint_model import Lint
from harness.checks.lint_placeholders import STAND_IN
from harness.checks.lint_reading import ReadSection
from harness.checks.lint_statements import Session, StatementPart
from harness.database.declared import DeclaredStore
from harness.database.migration_files import SentAs
from harness.database.sql_statement import SqlStatement, listed, plain_name, read_statement

_LOCKING: Final = frozenset(
    ("ALTER TABLE", "DROP TABLE", "TRUNCATE", "LOCK", "CREATE TRIGGER", "DROP TRIGGER", "CLUSTER")
)
"""Commands that wait for a lock which keeps readers or writers of a table out; beside them some of an index."""
NO_LOCK_TIMEOUT: Final = "no-lock-timeout"
NOT_JUDGED: Final = "not-judged"
_INSIDE: Final = re.compile(
    r"(?is)\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\b|\bREINDEX\b[^;]*\bCONCURRENTLY\b"
)
_WITH_BODY: Final = frozenset(("DO", "CREATE FUNCTION", "CREATE PROCEDURE", "SELECT", "CALL"))


def build_remedy(store: DeclaredStore) -> tuple[str, ...]:
    """The declared index's build; nothing where none is declared."""
    if store.index is None:
        return ()
    return (f"CREATE INDEX CONCURRENTLY {store.index.name} ON {store.table} ({store.column.name});",)


def is_concurrent(part: StatementPart) -> bool:
    """Whether a statement builds or drops concurrently: a lock_timeout would end it half-way."""
    return read_statement(part.code).is_concurrent


def build_faults(store: DeclaredStore, name: str, sections: Sequence[ReadSection]) -> Iterator[Lint]:
    """What the statements of a file must not be given, or must have, as they are sent one after the other.

    A session goes through the whole file: what one section sets for it holds in the next.
    """
    session, is_new = Session(), False
    for section in sections:
        if section.is_in_transaction:
            session.begin()
        for part in section.parts:
            if section.sent is SentAs.AT_ONCE and section.is_in_transaction:
                session.begin()  # behind a COMMIT, what is left of the message is a transaction again
            session.take(part)
            is_new = is_new or _makes_table(store, part)
            yield from _of_build(name, part, session, is_known=section.sent is not SentAs.UNKNOWN)
            if not is_new and needs_lock_timeout(store, part) and not session.of("lock_timeout"):
                message = (
                    "no lock_timeout is in force here: while it waits for its lock behind an open transaction, every "
                    "later reader and writer of the table waits behind it"
                )
                remedy = ("SET lock_timeout = '2s';",)
                yield Lint(name, part.line, NO_LOCK_TIMEOUT, message, "write before it", remedy)
        if section.is_in_transaction:
            session.commit()


def needs_lock_timeout(store: DeclaredStore, part: StatementPart) -> bool:
    """Whether a statement waits for a lock that keeps readers or writers of the column's table out."""
    table = re.search(rf"\b{re.escape(store.table)}\b", part.code, re.IGNORECASE)
    statement = read_statement(part.code)
    is_index = statement.command in ("CREATE INDEX", "DROP INDEX")
    index = store.index and is_index and store.index.name in map(plain_name, statement.names)
    locks = statement.command in _LOCKING or (is_index and not is_concurrent(part))
    full = statement.command == "VACUUM" and re.match(r"(?i)\(?.*\bFULL\b", statement.rest)
    return bool((table or index) and (locks or full))


def _makes_table(store: DeclaredStore, part: StatementPart) -> bool:
    statement = read_statement(part.code)
    return statement.command == "CREATE TABLE" and plain_name(statement.table) == store.table


def _of_build(name: str, part: StatementPart, session: Session, *, is_known: bool) -> Iterator[Lint]:
    statement = read_statement(part.whole)
    build = is_concurrent(part) and statement.command != "DROP INDEX"
    again = (re.sub(r"(?i) IF NOT EXISTS\b", "", f"{statement.text};", count=1),) if build else ()
    if build and "EXISTS" in statement.words:
        message = (
            "IF NOT EXISTS passes over the invalid index of a failed build and reports success: writes pay for it, no "
            "look-up uses it"
        )
        advice = "drop an invalid one by recovery/drop_invalid_index.sql, and write"
        yield Lint(name, part.line, "if-not-exists-on-build", message, advice, again)
    if is_concurrent(part) and session.in_transaction:
        what = "build" if build else "DROP INDEX"
        message = (
            f"a concurrent {what} in a transaction is always refused (25001), and the migration stops there"
        )
        advice = "give it a file of its own, which the tool sends outside a transaction"
        yield Lint(name, part.line, "build-in-transaction", message, advice, again)
    elif is_concurrent(part) and not is_known:
        message = (
            "not judged: how its tool sends it is not known; in a transaction it is always refused (25001)"
        )
        yield Lint(name, part.line, NOT_JUDGED, message, "send it outside a transaction", again)
    for setting in ("lock_timeout", "statement_timeout") if build else ():
        value = session.of(setting)
        if value and not STAND_IN.search(value):
            message = (
                f"a {setting} of {value} ends the build in one of its waits; an invalid index stays, which every write "
                "pays for"
            )
            rule = f"{setting.replace('_', '-')}-on-build"
            yield Lint(name, part.line, rule, message, "write before it", (f"SET {setting} = 0;",))
    if statement.command in _WITH_BODY and any(map(_builds_inside, part.literals)):
        message = "a concurrent build in a function, or in DO, is always refused (25001), and the migration stops there"
        yield Lint(name, part.line, "build-in-function", message, "make it a statement of its own")


def _builds_inside(body: str) -> bool:
    """Whether a function's body builds concurrently, or puts such a statement together; not where it only says so."""
    code = re.sub(r"(?s)--[^\n]*|/\*.*?\*/|\bRAISE\b[^;]*", " ", body)
    return _INSIDE.search(code) is not None


def index_faults(store: DeclaredStore, parts: Mapping[str, Sequence[StatementPart]]) -> Iterator[Lint]:
    """Indexes over the column that are not what is declared, where one stands in the declared one's place."""
    if store.index is None:
        return
    column = store.column.name
    found = [
        (file, part, index)
        for file, some in parts.items()
        for part in some
        if (index := _on_table(store, part))
    ]
    wrong = [(file, part, index, why) for file, part, index in found if (why := _unlike(index, column))]
    has_right = len(wrong) < len(found)
    for file, part, index, why in wrong:
        if not has_right or plain_name(index.name) == store.index.name:
            message = f"{why}; declared is btree ({column})"
            yield Lint(
                file, part.line, "another-index", message, "build the declared one", build_remedy(store)
            )


def _on_table(store: DeclaredStore, part: StatementPart) -> SqlStatement | None:
    index = read_statement(part.code)
    of_table = index.builds and plain_name(index.table) == store.table
    has_its_name = store.index is not None and plain_name(index.name) == store.index.name
    return index if of_table and (has_its_name or store.column.name in index.rest.lower()) else None


def _unlike(index: SqlStatement, column: str) -> str:
    """Why an index is not the declared one, with what follows; empty where it is."""
    using, _, columns = index.rest.partition("(")
    keys, after = listed(columns)
    method = plain_name(using) or "btree"
    if "UNIQUE" in index.words:
        return "a UNIQUE index refuses the second request of an id: its usage row is lost"
    if method != "btree":
        return f"a {method} index is not what schema.ts declares, so the next generated migration replaces it"
    if re.search(r"(?i)\bWHERE\b", after):
        return "a partial index serves no look-up of what its predicate leaves out"
    own, _, options = keys[0].partition(" ")
    if re.search(r"(?i)\bCOLLATE\b|(?<!\btext)_ops\b", options):
        return f"an index with {' '.join(options.split())} serves no plain look-up by equality, or not surely"
    if plain_name(own) != column:
        return "an index that does not begin with the column itself serves no look-up by its value"
    return "an index over more columns is not what schema.ts declares" if len(keys) > 1 else ""
