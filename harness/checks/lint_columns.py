"""What is wrong with the statements that make the rollout's column: what differs from what the plan declares."""

import re
from collections.abc import Iterator
from typing import Final

from harness.checks.lint_model import Lint
from harness.checks.lint_statements import StatementPart
from harness.database.declared import DeclaredStore
from harness.database.sql_statement import plain_name, read_statement
from harness.rule.simple import simple

_TYPE: Final = re.compile(r"(?i)(?:SET DATA )?TYPE ")
_CONSTRAINT: Final = (
    r"(?i)\b(?:COLLATE|NOT\s+NULL|NULL|DEFAULT|CHECK|UNIQUE|PRIMARY|REFERENCES|GENERATED|CONSTRAINT|USING"
    r"|STORAGE|COMPRESSION)\b"
)
_BY_WORD: Final = (
    (
        r"\bGENERATED\b",
        "is generated: every INSERT that names it is refused (428C9), and its usage row is lost",
    ),
    (
        r"\bUNIQUE\b|\bPRIMARY\b",
        "is unique: an id's second request is refused (23505), and its usage row is lost",
    ),
    (
        r"\bNOT\s+NULL\b",
        "is NOT NULL: an INSERT without an id, and every one of the build before, is refused (23502), and its usage "
        "row is lost",
    ),
    (
        r"\bDEFAULT\b(?!\s+NULL\b)",
        "has a DEFAULT: rows from before, and of builds that do not name the column, get a value that nobody sent; a "
        "volatile one rewrites the table while nobody can read it",
    ),
    (r"\bCHECK\b", "has a CHECK, which the plan has not: what it does not hold for is refused (23514)"),
    (
        r"\bREFERENCES\b",
        "has a foreign key: an id that is not there is refused (23503), and its usage row is lost",
    ),
    (r"\bCOLLATE\b", "has a collation of its own, which schema.ts does not declare"),
)
"""What a column's definition says beyond its type, and what follows from it."""
_SHORT: Final = {
    "integer": "int",
    "bigint": "int8",
    "boolean": "bool",
    "timestamp with time zone": "timestamptz",
}
"""Other names of types, as they are often written."""


def column_faults(store: DeclaredStore, name: str, part: StatementPart) -> Iterator[Lint]:
    """How a statement makes another column than the declared one: of its type, nullable, without a default."""
    statement, column = read_statement(part.code), store.column
    if plain_name(statement.table) != store.table:
        return
    for action in statement.actions:
        added = action.verb == "ADD COLUMN"
        of_constraint = action.verb == "ADD CONSTRAINT" and re.search(
            rf"(?<![\w$]){re.escape(column.name)}(?![\w$])", action.rest
        )
        if not of_constraint and (
            plain_name(action.name) != column.name or not (added or action.verb == "ALTER COLUMN")
        ):
            continue
        changed = _TYPE.match(action.rest)
        if added or changed:
            why = _unlike(store, action.rest[changed.end() :] if changed else action.rest)
        else:
            sets = of_constraint or action.rest.upper().startswith("SET ")
            why = _constraint(action.rest) if sets else ""
        if why:
            advice = (
                "write the declared one" if added else "leave the action out; the declared column needs none"
            )
            message = f"{column.name} {why}; declared is a nullable {column.type} without a default"
            declared = f"ALTER TABLE {store.table} ADD COLUMN {column.name} {column.type};"
            remedy = ("SET lock_timeout = '2s';", declared) if added else ()
            yield Lint(name, part.line, "another-column", message, advice, remedy)


def _unlike(store: DeclaredStore, definition: str) -> str:
    """Why a definition is not the declared one's, with what follows; empty where it is."""
    begin = re.search(_CONSTRAINT, definition)
    written = definition[: begin.start()] if begin else definition
    found = [_type(store, written), _constraint(definition[begin.start() :] if begin else "")]
    return ", and ".join(filter(None, found))


def _constraint(code: str) -> str:
    code = re.sub(r'(?i)\bCOLLATE\s+"default"', "", code)
    return ", and ".join(why for word, why in _BY_WORD if re.search(rf"(?i){word}", code))


def _type(store: DeclaredStore, written: str) -> str:
    plain = re.sub(r"\s+", " ", written).strip().replace('"', "").lower().removeprefix("pg_catalog.")
    declared = store.column.type
    if plain in (declared, _SHORT.get(declared)):
        return ""
    if declared != "text":
        return f"is {plain}, not {declared}"
    longest = simple(store.rollout.header.rule).longest
    bound = re.match(r"(?:varchar|character varying|char|character|bpchar)\s*\(\s*(\d+)\s*\)$", plain)
    if bound and int(bound[1]) < longest:
        return (
            f"is {plain}: an id of {int(bound[1]) + 1} to {longest} characters is refused (22001), and its usage "
            "row is lost"
        )
    if re.match(r"(?:char|character|bpchar)\b(?! varying)", plain):
        return f"is {plain}: ids are filled up with blanks"
    if re.match(r"(?:varchar|character varying|citext)\b[^\[]*$", plain):
        return f"is {plain}: schema.ts declares text, so the next generated migration changes it under a lock"
    return f"is {plain}: an id that is no {plain} is refused (22P02), and its usage row is lost"
