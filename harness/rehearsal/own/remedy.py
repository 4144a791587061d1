"""A migration written anew so that writers wait less: indexes built concurrently, on partitioned tables part by part,
constraints added and then validated.

PostgreSQL builds no index of a partitioned table concurrently. The three steps are: the index on the table alone
(CREATE INDEX ... ON ONLY), which is invalid; one concurrent build for each part; ATTACH PARTITION for each, the last
of which makes the first valid. Source: PostgreSQL, CREATE INDEX, "Partitioned Tables".
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.database.sql_statement import SqlStatement, plain_name, read_statement
from harness.rehearsal.own.constraint_remedy import ConstraintStatement
from harness.rehearsal.own.parts import TablePart
from harness.rehearsal.own.values import quoted

LOCK_TIMEOUT: Final = "SET lock_timeout = '2s';"
NO_TIMEOUT: Final = "SET lock_timeout = 0;"
NAME_MAX: Final = 63
"""Bytes of a name that PostgreSQL keeps."""

_WAITS: Final = re.compile(r"(?i)^(?:ALTER|DROP|CREATE\s+(?:UNIQUE\s+)?INDEX|CREATE\s+TRIGGER|TRUNCATE)\b")
_TIMEOUT: Final = re.compile(r"(?i)^(?:SET\s+(?:LOCAL\s+|SESSION\s+)?lock_timeout\b|RESET\s+ALL\b)")
_TRANSACTION: Final = re.compile(r"(?i)^(?:BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK)\b")


def written_as(
    index: SqlStatement, *, concurrently: bool = False, only: bool = False, name: str = "", table: str = ""
) -> str:
    """A CREATE INDEX in another form; never with IF NOT EXISTS, which passes an invalid index over."""
    words = ["CREATE", "UNIQUE" if "UNIQUE" in index.words else "", "INDEX"]
    words += ["CONCURRENTLY" if concurrently else "", name or index.name, "ON", "ONLY" if only else ""]
    return f"{' '.join(filter(None, [*words, table or index.table, index.rest]))};"


@dataclass(frozen=True, slots=True)
class RemedyFile:
    """One file of a migration that is written anew. Each statement is sent by itself, outside a transaction."""

    name: str
    comment: str
    statements: tuple[str, ...]

    @property
    def text(self) -> str:
        """What the file holds."""
        return f"-- {self.comment}\n" + "".join(f"{statement}\n" for statement in self.statements)


def is_control(statement: str) -> bool:
    """Whether a statement only opens or ends a transaction, or sets a lock_timeout."""
    return bool(_TRANSACTION.match(statement) or _TIMEOUT.match(statement))


PartsOf = Callable[[str], tuple[TablePart, ...]]
"""The parts of a table by its name as written; none where it is not partitioned or not there."""


def remedied(
    statements: Sequence[str], is_there: Callable[[str], bool], parts_of: PartsOf
) -> tuple[RemedyFile, ...]:
    """The files of a migration whose builds hold no writer up; none where nothing would be changed.

    `is_there` says of a table whether it is there before the migration: an index of a new one may be built as it is.
    """
    files: list[RemedyFile] = []
    others: list[str] = []
    changed = False

    def flush() -> None:
        if others:
            comment = "each statement by itself, outside a transaction"
            files.append(RemedyFile(f"{len(files) + 1:02}_statements.sql", comment, tuple(_guarded(others))))
            others.clear()

    for statement in statements:
        index = read_statement(statement)
        if is_control(statement):
            continue
        constraint = ConstraintStatement.read(statement)
        if constraint is not None and is_there(constraint.table) and not parts_of(constraint.table):
            changed = True
            flush()
            files += [
                RemedyFile(f"{len(files) + number:02}_{word}_{of}.sql", comment, (LOCK_TIMEOUT, text))
                for number, (word, of, comment, text) in enumerate(_in_steps(constraint), start=1)
            ]
            continue
        if not index.builds or "ONLY" in index.words or not is_there(index.table):
            others.append(statement)
            continue
        parts = parts_of(index.table)
        changed = changed or bool(parts) or not index.is_concurrent
        flush()
        steps = three_steps(index, parts) if parts else (_concurrent(index),)
        files += [
            RemedyFile(f"{len(files) + number:02}_{name}.sql", comment, texts)
            for number, (name, comment, texts) in enumerate(steps, start=1)
        ]
    flush()
    return tuple(files) if changed else ()


def _in_steps(constraint: ConstraintStatement) -> Iterator[tuple[str, str, str, str]]:
    name = _cut(f"{plain_name(constraint.table)}_{plain_name(constraint.column) or 'check'}_not_null")
    of = _file_name(plain_name(constraint.name) or name)
    for word, comment, text in constraint.steps(_quoted(name)):
        yield word, of, comment, text


_Step = tuple[str, str, tuple[str, ...]]


def _concurrent(index: SqlStatement) -> _Step:
    name = plain_name(index.name) or f"{plain_name(index.table)}_index"
    comment = "outside a transaction; after a failure drop the invalid index before it is tried again"
    return f"build_{_file_name(name)}", comment, (NO_TIMEOUT, written_as(index, concurrently=True))


def three_steps(index: SqlStatement, parts: Sequence[TablePart]) -> tuple[_Step, ...]:
    """The name, a comment and the statements of each file that builds an index of a partitioned table."""
    whole = index.name or _quoted(_cut(f"{plain_name(index.table)}_idx"))
    own_schema = index.table.rpartition(".")[0].strip()
    prefix = f"{own_schema}." if own_schema else ""
    names = {part.oid: _quoted(_cut(f"{part.name}_{plain_name(whole)}")) for part in parts}
    schemas = {part.oid: f"{part.schema}." if own_schema or part.schema != "public" else "" for part in parts}
    above = [(whole, index.table)]
    above += [(names[part.oid], _place(part, schemas)) for part in parts if not part.is_leaf]
    only = tuple(written_as(index, only=True, name=name, table=table) for name, table in above)
    builds = [
        (
            f"build_{_file_name(part.name)}",
            "outside a transaction; after a failure drop the invalid index before it is tried again",
            (
                NO_TIMEOUT,
                written_as(index, concurrently=True, name=names[part.oid], table=_place(part, schemas)),
            ),
        )
        for part in parts
        if part.is_leaf
    ]
    attached = tuple(
        f"ALTER INDEX {_parent(part, names, schemas, f'{prefix}{whole}')} ATTACH PARTITION "
        f"{schemas[part.oid]}{names[part.oid]};"
        for part in reversed(
            parts
        )  # those below before those above, so that each is whole when it is attached
    )
    table = _file_name(plain_name(index.table))
    first = f"index_on_only_{table}", "an index of the table alone, invalid so far"
    last = f"attach_{_file_name(plain_name(whole))}", "with the last one the whole table's index is valid"
    return ((*first, (LOCK_TIMEOUT, *only)), *builds, (*last, (LOCK_TIMEOUT, *attached)))


def naive(index: SqlStatement) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both ways that come to mind first for a partitioned table: a name and the statement of each."""
    return (
        ("concurrently on the whole", written_as(index, concurrently=True)),
        ("plain on the whole", written_as(index)),
    )


def _place(part: TablePart, schemas: dict[int, str]) -> str:
    return f"{schemas[part.oid]}{part.written}"


def _parent(part: TablePart, names: dict[int, str], schemas: dict[int, str], whole: str) -> str:
    return f"{schemas[part.parent]}{names[part.parent]}" if part.parent in names else whole


def _guarded(statements: Sequence[str]) -> Iterator[str]:
    """With a lock_timeout before what waits for a lock."""
    if any(_WAITS.match(statement) for statement in statements):
        yield LOCK_TIMEOUT
    yield from statements


def _quoted(name: str) -> str:
    """A name of several words, in quotes where it needs them."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quoted(name)


def _cut(name: str) -> str:
    """The name, ended by a digest where PostgreSQL would cut it, so that two do not become one."""
    if len(name.encode()) <= NAME_MAX:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: NAME_MAX - 9].decode(errors='ignore')}_{digest}"


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", name)
