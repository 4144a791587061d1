"""One statement of SQL as it is written: what it makes, drops or changes, by its words. Pure.

Whoever wants to know what a statement does to which table asks here. Source: PostgreSQL, SQL Commands and "Lexical
Structure". (PostgreSQL's own parser, pglast, is under the GPL; sqlparse reads no ALTER TABLE.)
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

TOKEN: Final = re.compile(
    # One in another, too. (What is repeated here is no possessive group: Python up to 3.11.4 backtracks into these.)
    r"(?P<comment>--[^\n]*|/\*(?:[^*/]|\*(?!/)|/(?!\*)|/\*(?:[^*]|\*(?!/))*\*/)*\*/)"
    # A quote right behind a colon is psql's :'name', which no literal can be.
    r"|(?P<text>[eE]'(?:\\.|''|[^'\\])*'|(?<!:)'(?:''|[^'])*'|\$(?P<tag>[^\W\d]\w*|)\$.*?\$(?P=tag)\$)"
    r'|(?P<name>"(?:""|[^"])+")',
    re.DOTALL,
)
"""What is no code, and names in quotes."""
_TOKEN: Final = re.compile(rf"{TOKEN.pattern}|(?P<word>[\w$]+)|(?P<sign>\S)", re.DOTALL)
_KINDS: Final = re.compile("TABLE|INDEX|VIEW|FUNCTION|PROCEDURE|TRIGGER")
_BEFORE_KIND: Final = re.compile(
    r"OR|REPLACE|UNIQUE|TEMP|TEMPORARY|UNLOGGED|RECURSIVE|CONSTRAINT|MATERIALIZED|VERBOSE|CONCURRENTLY|[(),]"
)
_BEFORE_NAME: Final = re.compile("CONCURRENTLY|IF|NOT|EXISTS|ONLY|INTO|FROM|COLUMN")
_UNNAMED: Final = re.compile("PRIMARY|UNIQUE|CHECK|FOREIGN|EXCLUDE|NOT|LIKE")
"""What begins a constraint without a name."""


class Action(NamedTuple):
    """One action of an ALTER TABLE. `verb` has the kind of thing, though COLUMN be left out: `ADD COLUMN`."""

    verb: str
    name: str
    """As written; empty where it has none."""
    rest: str


class SqlStatement(NamedTuple):
    """What a statement says. Names are as written, with schema and quotes; rest and text are on one line, without
    comments and semicolon."""

    command: str
    """In capitals; with the kind of thing where that is known here: `CREATE INDEX`."""
    words: frozenset[str] = frozenset()
    """In what way: UNIQUE, CONCURRENTLY, EXISTS, ONLY, REPLACE, ..."""
    name: str = ""
    """Of what is made, dropped, changed or written to; empty of an index that the server names."""
    table: str = ""
    """Of an index or a trigger; else the name."""
    rest: str = ""
    """What comes behind name and table."""
    text: str = ""
    """All of it."""

    @property
    def builds(self) -> bool:
        """Whether it makes an index."""
        return self.command == "CREATE INDEX" and self.table != ""

    @property
    def is_concurrent(self) -> bool:
        """Whether it builds or drops an index concurrently."""
        return "CONCURRENTLY" in self.words

    @property
    def names(self) -> tuple[str, ...]:
        """All of a DROP."""
        others = listed(self.rest)[0][1:] if self.command.startswith("DROP ") else []
        return (self.name, *(_Tokens(item).name() for item in others))

    @property
    def actions(self) -> tuple[Action, ...]:
        """Of an ALTER TABLE."""
        return tuple(map(_action, listed(self.rest)[0])) if self.command == "ALTER TABLE" else ()

    @property
    def definitions(self) -> tuple[Action, ...]:
        """Of a CREATE TABLE: its columns and constraints, as actions that add them."""
        items = listed(self.rest.partition("(")[2])[0] if self.command == "CREATE TABLE" else []
        return tuple(_action(f"ADD {item}") for item in items)


@lru_cache(maxsize=1024)
def read_statement(text: str) -> SqlStatement:
    """What one statement says; of a command that is not known here the command and the rest."""
    tokens = _Tokens(text)
    command = tokens.word()
    words = tokens.words(_BEFORE_KIND) if command in ("CREATE", "DROP", "REINDEX") else set()
    if command in ("CREATE", "DROP", "REINDEX", "ALTER") and tokens.is_next(_KINDS):
        command = f"{command} {tokens.word()}"
    elif command not in ("INSERT", "DELETE", "UPDATE"):
        return SqlStatement(command, rest=tokens.written(tokens.at), text=tokens.written(0))
    words |= tokens.words(_BEFORE_NAME)
    name = table = "" if tokens.is_next("ON") else tokens.name()
    if command in ("CREATE INDEX", "CREATE TRIGGER", "DROP TRIGGER"):
        while tokens.word() not in ("ON", ""):
            pass
        words |= tokens.words(_BEFORE_NAME)
        table = tokens.name()
    tokens.words(r"\*")
    return SqlStatement(command, frozenset(words), name, table, tokens.written(tokens.at), tokens.written(0))


def _action(text: str) -> Action:
    tokens = _Tokens(text)
    verb = tokens.word()
    if verb not in ("ADD", "DROP", "ALTER", "VALIDATE", "RENAME") or tokens.is_next("TO"):
        return Action(verb, "", tokens.written(1))
    if verb == "ADD" and tokens.is_next(_UNNAMED):
        return Action("ADD CONSTRAINT", "", tokens.written(1))
    kind = "CONSTRAINT" if tokens.words("CONSTRAINT") else "COLUMN"
    tokens.words(_BEFORE_NAME)
    return Action(f"{verb} {kind}", tokens.name(), tokens.written(tokens.at))


def listed(text: str) -> tuple[list[str], str]:
    """What stands between commas, up to the end or the parenthesis that closes; and what comes after that."""
    tokens, items, begin, depth = _Tokens(text), [], 0, 0
    for at, token in enumerate(tokens.tokens):
        sign = token[0]
        if depth == 0 and sign in (",", ")"):
            items.append(tokens.written(begin, at))
            begin = at + 1
        depth += (sign in ("(", "[")) - (sign in (")", "]"))
        if depth < 0:
            return items, tokens.written(begin)
    return [*items, tokens.written(begin)], ""


def plain_name(name: str) -> str:
    """A name as PostgreSQL has it, without its schema and quotes; empty for none."""
    last = _Tokens(name).tokens[-1][0] if name else ""
    return last[1:-1].replace('""', '"') if last.startswith('"') else last.lower()


def code_of(text: str) -> str:
    """A statement on one line without comments and semicolon; each literal is an empty one."""
    return _Tokens(TOKEN.sub(lambda token: "''" if token["text"] else token[0], text)).written(0)


class _Tokens:
    """The tokens of a statement, without comments and the semicolon, and how many of them have been read."""

    def __init__(self, text: str) -> None:
        self.tokens = [token for token in _TOKEN.finditer(text) if not token["comment"]]
        while self.tokens and self.tokens[-1][0] == ";":
            self.tokens.pop()
        self.at = 0

    def is_next(self, known: str | re.Pattern[str]) -> bool:
        return self.at < len(self.tokens) and bool(re.fullmatch(known, self.tokens[self.at][0].upper()))

    def word(self) -> str:
        """The next one, in capitals; empty at the end."""
        self.at += 1
        return "".join(token[0].upper() for token in self.tokens[self.at - 1 : self.at])

    def words(self, known: str | re.Pattern[str]) -> set[str]:
        """Those of the known words that come next."""
        found = set()
        while self.is_next(known):
            found.add(self.word())
        return found

    def name(self) -> str:
        begin = self.at
        self.at += 1
        while self.words(r"\."):
            self.at += 1
        return "".join(token[0] for token in self.tokens[begin : self.at])

    def written(self, begin: int, end: int | None = None) -> str:
        """These tokens as they are written, with a blank where there were some or a comment."""
        place, text = 0, ""
        for token in self.tokens[begin:end]:
            text += (" " if text and token.start() > place else "") + token[0]
            place = token.end()
        return text
