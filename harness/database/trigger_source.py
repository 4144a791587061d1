"""What a trigger function in PL/pgSQL can do to a column, by its source; approximate where it branches. Pure.

Comments are taken out and literals are set aside before anything is looked for, so that neither is mistaken for code.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from harness.database.sql_statement import TOKEN, listed

_KEPT: Final = re.compile(r"'\x00(\d+)'")
_ACTS: Final = re.compile(
    r"(?i)\b(EXECUTE|PERFORM|INSERT|UPDATE|DELETE|MERGE|COPY|CALL|COMMIT|ROLLBACK|FROM|OPEN|FETCH|LOCK|TRUNCATE"
    r"|CREATE|ALTER|DROP|NOTIFY|LISTEN|GRANT|REVOKE|CURSOR|QUERY|DO|SET|RESET|DISCARD|LOAD|PREPARE|REFRESH)\b|^\s*#"
)
"""What does more than compute; FROM too, which reads tables."""
_CALL: Final = re.compile(r'(?i)((?:[a-z_]\w*|"[^"]+")(?:\s*\.\s*(?:[a-z_]\w*|"[^"]+"))*)\s*\(')
_WORDS: Final = (
    "if elsif elseif when and or not in any all some exists coalesce nullif greatest least case then else return "
    "values row array cast varchar char character varying numeric decimal timestamp time interval bit raise using "
    "is like ilike between while end begin select into loop by from as on distinct trim extract"
)
_NO_CALL: Final = frozenset(_WORDS.split())
"""What may stand before a parenthesis and is no function of its own."""
_SESSION: Final = re.compile(
    r"(?i)\b(current_user|session_user|user|current_role|current_setting|inet_client_addr|random|gen_random_uuid"
    r"|current_query|application_name|current_schema)\b"
)
_RETURN: Final = re.compile(r"(?i)\bRETURN\b\s*([^;]*);")
_SET: Final = re.compile(r"(?i)\bSET\b")
_NESTING: Final = re.compile(r"(?i)[()]|\b(?:WHERE|FROM|RETURNING|WHEN)\b")
"""What an UPDATE only reads comes after one of these words, unless they stand in parentheses."""


class Write(NamedTuple):
    """A statement that changes rows, and whether they are certainly those that are written now."""

    statement: str
    certain: bool


@dataclass(frozen=True)
class Source:
    """A function's source and the column that matters."""

    text: str
    column: str

    @cached_property
    def literals(self) -> list[str]:
        """The literals in their order, as they are written."""
        return [match["text"] for match in TOKEN.finditer(self.text) if match["text"]]

    @cached_property
    def code(self) -> str:
        """The source without comments; each literal is its number."""
        numbers = iter(range(len(self.literals)))
        code = TOKEN.sub(lambda match: " " if match["comment"] else match[0], self.text)
        return TOKEN.sub(lambda match: f"'\x00{next(numbers)}'" if match["text"] else match[0], code).strip()

    def whole(self, code: str) -> str:
        """Code with its literals again."""
        return _KEPT.sub(lambda match: self.literals[int(match[1])], code)

    @property
    def computes(self) -> bool:
        """Whether it does nothing but compute, apart from the functions it calls."""
        return not _ACTS.search(self.code)

    @property
    def calls(self) -> tuple[str, ...]:
        """Names of the functions it calls, in lower case, as far as a parenthesis shows them."""
        names = {re.sub(r"\s", "", match[1]).lower() for match in _CALL.finditer(self.code)}
        return tuple(sorted(names - _NO_CALL))

    @property
    def mentions(self) -> bool:
        """Whether the column's name is in it, in code or in a literal."""
        return re.search(rf"(?i)\b{re.escape(self.column)}\b", self.text) is not None

    @cached_property
    def assignments(self) -> tuple[tuple[int, str], ...]:
        """Where NEW's column is given a value, and the expression for it; empty where the row is given one."""
        return tuple(self._assignments())

    @property
    def returns(self) -> tuple[str, ...]:
        """What each RETURN returns, in lower case."""
        return tuple(match[1].strip().lower() for match in _RETURN.finditer(self.code))

    @property
    def raises(self) -> bool:
        """Whether it may raise an error by itself."""
        plain = r"(?i)\bRAISE\b(?!\s+(NOTICE|WARNING|INFO|LOG|DEBUG)\b)|\bASSERT\b"
        return re.search(plain, self.code) is not None

    @property
    def certain(self) -> tuple[str, ...]:
        """Expressions that are assigned to the column on every way through the function, in their order."""
        return tuple(value for at, value in self.assignments if value and not self._branched(at))

    @property
    def reads_others(self) -> bool:
        """Whether what it does may depend on more than the column: other columns, the whole row, the session."""
        own = re.escape(self.column)
        code = _RETURN.sub(";", self.code)
        code = re.sub(r'(?i)([;]|\b(?:BEGIN|THEN|ELSE|LOOP))\s*NEW\s*\.\s*[\w"]+\s*:?=(?!=)', r"\1 ", code)
        rest = re.sub(rf'(?i)\b(NEW|OLD)\s*\.\s*"?{own}"?(?!\w)', " ", code)
        return re.search(r"(?i)\b(NEW|OLD)\b", rest) is not None or _SESSION.search(rest) is not None

    def writes(self, table: str, column: str) -> Write | None:
        """The first statement that changes a column of a table, or takes rows out of it.

        A DELETE, a TRUNCATE, an UPDATE that sets the column, or a MERGE that deletes or sets it.
        """
        named = rf'(?:ONLY\s+)?(?:[\w"]+\s*\.\s*)?"?{re.escape(table)}"?(?!\w)'
        removes = rf"\bDELETE\s+FROM\s+{named}|\bTRUNCATE\s+(?:TABLE\s+)?(?:[^;]*,\s*)?{named}"
        changes = rf"\bUPDATE\s+{named}|\bMERGE\s+INTO\s+{named}"
        for match in re.finditer(rf"(?i)(?P<removes>{removes})[^;]*|(?:{changes})[^;]*", self.code):
            deletes = match["removes"] or re.search(r"(?i)\bTHEN\s+DELETE\b", match[0])
            assigned = _sets(match[0], column)
            if not deletes and not assigned:
                continue
            # What names the new row is sent for what is written now; another may be for rows of long ago.
            concerns = re.search(r"(?i)\bNEW\b", match[0]) is not None
            same = re.fullmatch(rf'(?i)NEW\s*\.\s*"?{re.escape(column)}"?', assigned) is not None
            everything = match[0][:8].upper() == "TRUNCATE" and not self._branched(match.start())
            return Write(" ".join(self.whole(match[0]).split()), (concerns and not same) or everything)
        return None

    @property
    def copies(self) -> str:
        """Another column of NEW that the column is always set to, as the only thing that it is set to; or empty."""
        if len(self.assignments) != 1 or len(self.certain) != 1:
            return ""
        match = re.fullmatch(r'(?i)NEW\s*\.\s*"?(\w+)"?(?:\s*::\s*\w+)?', self.certain[0])
        return match[1] if match and match[1].lower() != self.column.lower() else ""

    @property
    def inserted(self) -> str:
        """What the only INSERT with lists of columns and values puts into the column.

        NULL where it leaves the column out; empty where there is another INSERT, or a way around it.
        """
        found = list(re.finditer(r"(?i)\bINSERT\s+INTO\b", self.code))
        lists = re.search(
            r"(?is)\bINSERT\s+INTO\s+[\w.\"]+\s*\(([^()]*)\)\s*VALUES\s*\((.*?)\)\s*;", self.code
        )
        if len(found) != 1 or lists is None or self._branched(found[0].start()):
            return ""
        names = [name.strip().strip('"').lower() for name in lists[1].split(",")]
        values, _ = listed(lists[2])
        if len(names) != len(values):
            return ""
        return self.whole(dict(zip(names, values, strict=True)).get(self.column.lower(), "NULL"))

    def _assignments(self) -> Iterator[tuple[int, str]]:
        own = rf'NEW\s*\.\s*"?{re.escape(self.column)}"?(?!\w)'
        start = r"(?:;|\bBEGIN\b|\bTHEN\b|\bELSE\b|\bLOOP\b)\s*"
        for match in re.finditer(rf"(?i){start}({own})\s*:?=(?!=)\s*([^;]*);?", self.code):
            yield match.start(1), match[2].strip()
        select = rf"(?i)\bSELECT\b([^;]*?)\bINTO\s+(?:STRICT\s+)?{own}\s*;"
        for match in re.finditer(select, self.code):
            yield match.start(), match[1].strip()
        for match in re.finditer(rf"(?i){start}NEW\s*:?=|\bINTO\s+(?:STRICT\s+)?NEW\b(?!\s*\.)", self.code):
            yield match.start(), ""

    def _branched(self, at: int) -> bool:
        """Whether a way through the function may pass the place by: a branch before it is not taken apart."""
        before = self.code[:at]
        opened = len(re.findall(r"(?i)(?<!END )\b(?:IF|LOOP)\b", re.sub(r"\s+", " ", before)))
        closed = len(re.findall(r"(?i)\bEND (?:IF|LOOP)\b", re.sub(r"\s+", " ", before)))
        return opened != closed or re.search(r"(?i)\b(CASE|EXCEPTION|RETURN)\b", before) is not None


def _sets(statement: str, column: str) -> str:
    """What a SET list of the statement assigns to the column, by itself or with others in parentheses; or empty."""
    name = rf'"?\b{re.escape(column)}\b"?'
    assigned = re.compile(rf"(?i)(?:^|,)\s*{name}\s*=\s*([^,]*)|(\([^()=]*{name}[^()=]*\))\s*=")
    for match in _SET.finditer(statement):
        found = assigned.search(_until_read(statement[match.end() :]))
        if found:
            return (found[1] or found[2]).strip()
    return ""


def _until_read(text: str) -> str:
    """The text up to the first word, outside parentheses, after which an UPDATE only reads."""
    depth = 0
    for match in _NESTING.finditer(text):
        if match[0] in "()":
            depth += 1 if match[0] == "(" else -1
        elif depth <= 0:
            return text[: match.start()]
    return text
