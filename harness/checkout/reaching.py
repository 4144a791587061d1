"""Which functions of a checkout can lead to a call of one of some names, so that all others need not be gone into.

By names: a function leads there when its text calls one of them, or the name of a function that does. A method's name
counts where no second file declares it: `execute` would lead everywhere.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tree_sitter import Node

from harness.checkout.files import source_files
from harness.checkout.interpreter import FUNCTIONS
from harness.checkout.modules import Module, Modules
from harness.checkout.source import inside, text_of

ROUNDS_MAX: Final = 12
"""Calls of calls that are looked for."""
FILE_BYTES_MAX: Final = 1_000_000
_CALLED: Final = re.compile(rb"([A-Za-z_$][\w$]*+)(?:<[^<>()\n]{0,80}>)?\(")


class Reaching:
    """The functions that lead to a call of one of the seeds."""

    def __init__(self, modules: Modules, seeds: Iterable[str], start: Module) -> None:
        """`start` is the module whose methods count by their names, whatever else is called so."""
        self.names = set(seeds)
        self._modules, self._start = modules, start
        self._reaches: dict[int, bool] = {}
        self._texts = {path: path.read_bytes() for path in source_files(modules.checkout) if _is_read(path)}
        self._called = {path: frozenset(_CALLED.findall(text)) for path, text in self._texts.items()}
        self._functions: dict[Path, list[tuple[str, frozenset[bytes]]]] = {}
        self._known: dict[str, bool] = {}
        new = set(self.names)
        for _ in range(ROUNDS_MAX):
            new = {name for name in self._callers(new) if name not in self.names and self._counts(name)}
            if not new:
                break
            self.names |= new
        self._seeds = frozenset(name.encode() for name in self.names)

    def has(self, node: Node) -> bool:
        """Whether a function, or a method of a class, leads there."""
        if node.id not in self._reaches:
            called = _CALLED.findall(node.text or b"")
            self._reaches[node.id] = not self._seeds.isdisjoint(called)
        return self._reaches[node.id]

    def _callers(self, names: set[str]) -> Iterator[str]:
        words = {name.encode() for name in names}
        for path, called in self._called.items():
            if words.isdisjoint(called):
                continue
            if path not in self._functions:
                self._functions[path] = list(_functions(self._modules.read(path)))
            yield from (name for name, calls in self._functions[path] if not words.isdisjoint(calls))

    def _counts(self, name: str) -> bool:
        """Whether a call by a name is a call of what leads there."""
        if name not in self._known:
            of_start = self._functions.get(self._start.source.path, ())
            is_start = any(name == each for each, _ in of_start)
            self._known[name] = is_start or self._declarations(name) < 2
        return self._known[name]

    def _declarations(self, name: str) -> int:
        """Files that have a method of a name."""
        word = name.encode()
        method = re.compile(rb"(?m)^[\t ]+(?:\w+ )*%s(?:<[^<>()\n]*>)?\([^\n]*\{$" % re.escape(word))
        return sum(
            1 for path, called in self._called.items() if word in called and method.search(self._texts[path])
        )


def _is_read(path: Path) -> bool:
    return path.suffix == ".ts" and path.stat().st_size <= FILE_BYTES_MAX


def _functions(module: Module) -> Iterator[tuple[str, frozenset[bytes]]]:
    """The names of a module's functions and methods, a constructor by its class, each with what its text calls."""
    places = [(match.start(), match[1]) for match in _CALLED.finditer(module.source.data)]
    starts = [start for start, _ in places]
    for node in inside(module.source.root):
        if node.type not in FUNCTIONS:
            continue
        name, parent = text_of(node.child_by_field_name("name")), node.parent
        if not name and parent is not None and parent.type == "variable_declarator":
            name = text_of(parent.child_by_field_name("name"))
        if name == "constructor" and parent is not None and parent.parent is not None:
            name = text_of(parent.parent.child_by_field_name("name"))
        body = node.child_by_field_name("body")
        if name and body is not None:
            first, last = bisect_left(starts, body.start_byte), bisect_left(starts, body.end_byte)
            yield name, frozenset(word for _, word in places[first:last])
