"""The statements of a migration file, as they can be looked at: without comments, literals set aside. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.database.sql_statement import TOKEN, code_of

SETTINGS: Final = ("lock_timeout", "statement_timeout")
_SET: Final = re.compile(
    r"""(?is)^SET\s+(?:(?P<scope>LOCAL|SESSION)\s+)?"?(?P<name>\w+)"?\s*(?:=|\s+TO\s)\s*(?P<value>.+?)\s*;?\s*$"""
)
_SET_CONFIG: Final = re.compile(
    r"(?is)\bset_config\s*\(\s*'(?P<name>\w+)'\s*,\s*'(?P<value>[^']*)'\s*,\s*(?P<local>\w+)"
)


@dataclass(frozen=True, slots=True)
class StatementPart:
    """One statement."""

    line: int
    """Where its code begins, from 1."""
    code: str
    """On one line without comments and semicolon; each literal is an empty one."""
    literals: tuple[str, ...]
    """As written, with their quotes."""
    whole: str
    """Without comments."""
    begin: int
    end: int
    """Where it stands in the text, with the comments before it."""
    line_last: int


def statements(text: str) -> Iterator[StatementPart]:
    """Each statement that has code; what stands in literals, comments and bodies divides nothing."""
    begin = 0
    for end in (*_ends(text), len(text)):
        piece = text[begin:end]
        # A comment keeps its lines, so that the code's first line is counted rightly.
        shown = TOKEN.sub(lambda match: " " * len(match[0]) if match["comment"] else match[0], piece)
        code = code_of(piece)
        if code:
            literals = tuple(match["text"] for match in TOKEN.finditer(piece) if match["text"])
            blank = len(shown) - len(shown.lstrip())
            line = text.count("\n", 0, begin) + piece[:blank].count("\n") + 1
            last = text.count("\n", 0, begin + len(piece.rstrip())) + 1
            yield StatementPart(line, code, literals, shown.strip(), begin, end, last)
        begin = end


def _ends(text: str) -> Iterator[int]:
    """Where statements end: behind each semicolon, but for those in a body of SQL (BEGIN ATOMIC ... END)."""
    hidden = TOKEN.sub(lambda match: " " * len(match[0]), text)
    begin = 0
    for match in re.finditer(";", hidden):
        piece = hidden[begin : match.end()]
        if re.search(r"(?i)\bBEGIN\s+ATOMIC\b", piece) and not re.search(r"(?i)\bEND\s*;$", piece):
            continue
        yield match.end()
        begin = match.end()


class Session:
    """A session's timeouts and transaction as one statement after the other is sent. Source: PostgreSQL, SET."""

    def __init__(self) -> None:
        self._session = dict.fromkeys(SETTINGS, "0")
        self._before: dict[str, str] | None = None
        self._local: dict[str, str] = {}

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._before is not None

    def of(self, name: str) -> str:
        """The value in force; empty where none is."""
        value = self._local.get(name, self._session[name])
        return "" if _is_off(value) else value.strip("'")

    def begin(self) -> None:
        """Opens a transaction, unless one is open."""
        self._before = self._before or dict(self._session)

    def commit(self) -> None:
        """Ends the transaction; what was set for the session stays."""
        self._before, self._local = None, {}

    def take(self, part: StatementPart) -> None:
        """Follows a statement."""
        code = part.code.upper()
        if re.match(r"(BEGIN|START TRANSACTION)\b", code):
            self.begin()
        elif re.match(r"(COMMIT|END|ROLLBACK|ABORT)\b", code) and " TO " not in code:
            if code[0] in "RA" and self._before is not None:
                self._session = self._before
            chained = code.endswith("AND CHAIN") and "NO CHAIN" not in code
            self._before, self._local = dict(self._session) if chained else None, {}
        elif match := _SET.match(part.whole):
            self._set(match["name"].lower(), match["value"], local=(match["scope"] or "").upper() == "LOCAL")
        elif match := re.match(r"(?:RESET|DISCARD) (\w+)", code):
            for name in SETTINGS if match[1] == "ALL" else (match[1].lower(),):
                self._set(name, "DEFAULT", local=False)
        else:
            for found in _SET_CONFIG.finditer(part.whole):
                self._set(
                    found["name"].lower(), found["value"], local=found["local"].lower() in ("true", "t")
                )

    def _set(self, name: str, value: str, *, local: bool) -> None:
        if name not in SETTINGS:
            return
        if not local:
            self._session[name] = value
            self._local.pop(name, None)
        elif self._before is not None:  # outside a transaction it has no effect
            self._local[name] = value


def _is_off(value: str) -> bool:
    plain = value.strip("' ").lower()
    return plain == "default" or re.fullmatch(r"0+(\.0*)?\s*(us|ms|s|min|h|d)?", plain) is not None
