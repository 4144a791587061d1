"""What the owner's own functions do that a trigger's function calls, by their source."""

import re
from collections.abc import Mapping
from typing import Final

from harness.database.catalog import Connection
from harness.database.effects import facts
from harness.database.effects.model import one_line
from harness.database.trigger_source import Source

FUNCTIONS_MAX: Final = 20
"""Functions that are read, those that are called by others too; with more nothing is said."""
_READ: Final = ("plpgsql", "sql")


def called_effect(connection: Connection, source: Source, counted: Mapping[str, str]) -> str:
    """What is called that may change or refuse a row, in words; empty where nothing is.

    `counted` are the tables whose rows count, each with the column that does. Raises psycopg.Error.
    """
    known: set[str] = set()
    waiting = list(source.calls)
    while waiting:
        name = waiting.pop(0)
        if name in known:
            continue
        known.add(name)
        if len(known) > FUNCTIONS_MAX:
            return "calls more functions than are read"
        for function in facts.functions(connection, name.rpartition(".")[2].strip('"')):
            called = Source(function.source, source.column)
            words = _does(function, called, counted)
            if words:
                return f"calls {function.name}, which {words}"
            waiting += called.calls
    return ""


def _does(function: facts.Function, called: Source, counted: Mapping[str, str]) -> str:
    if function.language not in _READ or not function.source:
        return f"is in {function.language} and not read"
    for table, column in counted.items():
        write = Source(called.text, column).writes(table, column)
        if write:
            return f"sends {one_line(write.statement, 100)}"
    if re.search(r"(?i)\bEXECUTE\b", called.code):
        return "runs a statement that it puts together"
    return "may raise an error" if called.raises else ""
