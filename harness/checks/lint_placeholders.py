"""Placeholders that a tool fills in before PostgreSQL sees a statement: found, and stood in for by a name. Pure.

PostgreSQL's own parser refuses them, so a statement that holds one is only judged where its tool is known to fill it
in and what it is filled with does not matter. Sources: the manuals of Flyway ("Placeholders"), Liquibase
("Changelog parameters"), psql ("Variables"), graphile-migrate, tern and goose ("ENVSUB").
"""

import re
from typing import Final, NamedTuple

from harness.checks.lint_statements import StatementPart
from harness.database.sql_statement import TOKEN

_STYLES: Final = {
    "${}": r"\$\{[^}\n]+\}",
    "{{}}": r"\{\{[^}\n]+\}\}",
    # Not a cast (::text), an assignment (:=) or a slice ([1:n]).
    ":name": r"(?<![:\w\])]):(?:[A-Za-z_]\w*|'[A-Za-z_]\w*'|\"[A-Za-z_]\w*\")",
    "%(x)s": r"%\([A-Za-z_]\w*\)s|(?<=[\s(,.=])%s\b",
    "#{}": r"#\{[^}\n]+\}",
    "<%= %>": r"<%=?[^%\n]*%>",
    "$(x)": r"\$\([A-Za-z_]\w*\)",
    "@x@": r"(?<!\w)@[A-Za-z_]\w*@",
}
_IN_QUOTES: Final = ("${}", "{{}}", "#{}", "<%= %>", "$(x)")
"""Styles that are filled in within a quoted name, too."""
STAND_IN: Final = re.compile(r"x_placeholder_(\d+)_x")
_HARMLESS: Final = re.compile(
    rf"(?i){STAND_IN.pattern}\"?\s*\."  # a schema
    rf"|\b(?:OWNER\s+TO|TABLESPACE|SCHEMA|SET\s+ROLE|search_path(?:\"?\s*=|\"?\s+TO))\s*\"?{STAND_IN.pattern}\"?"
    rf"|^(?:GRANT|REVOKE)\b.*\b(?:TO|FROM)\s+\"?{STAND_IN.pattern}\"?"
)
"""Places where what a placeholder is filled with changes no verdict."""


class Placeholder(NamedTuple):
    """One placeholder. `written` is as in the file."""

    written: str
    is_known: bool
    """Whether the file's tool is known to fill it in."""


def stood_in(text: str, replaces: frozenset[str]) -> tuple[str, tuple[Placeholder, ...]]:
    """The text with a name for each placeholder in its code, and the placeholders; their numbers are in the names.

    `replaces` holds the styles that the file's tool fills in. Lines stay where they are.
    """
    found: list[Placeholder] = []
    pieces, begin = [], 0
    for token in (*(token for token in TOKEN.finditer(text) if not token["name"]), None):
        end = token.start() if token else len(text)
        pieces.append(_filled(text[begin:end], replaces, found))
        pieces.append(token[0] if token else "")
        begin = token.end() if token else end
    return "".join(pieces), tuple(found)


def _filled(code: str, replaces: frozenset[str], found: list[Placeholder]) -> str:
    # psql's :'name' begins a literal to everybody else; TOKEN leaves it alone (see there).
    for style, pattern in _STYLES.items():

        def stand_in(match: re.Match[str], style: str = style, code: str = code) -> str:
            if style not in _IN_QUOTES and code.count('"', 0, match.start()) % 2:
                return match[0]
            found.append(Placeholder(match[0], style in replaces))
            return f"x_placeholder_{len(found) - 1}_x"

        code = re.sub(pattern, stand_in, code)
    return code


def unjudged(part: StatementPart, placeholders: tuple[Placeholder, ...]) -> Placeholder | None:
    """The placeholder for which a statement cannot be judged; None where there is none."""
    judged = {int(number) for match in _HARMLESS.finditer(part.code) for number in STAND_IN.findall(match[0])}
    for number in map(int, STAND_IN.findall(part.code)):
        if not placeholders[number].is_known or number not in judged:
            return placeholders[number]
    return None
