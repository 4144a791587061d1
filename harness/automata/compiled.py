"""An expression's tree as the smallest machine: Thompson's construction, then sets of its nodes as states.

A character is one letter: the tree's code units beyond U+00FF never come, as the letters are bytes read as latin-1.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from harness.automata.characters import Ranges
from harness.automata.letters import FIELD_BYTES
from harness.automata.machine import Behaviour, StateMachine, TooLargeError, built
from harness.automata.tree import Alternation, Anchor, CharacterSet, Concatenation, Node, Repetition

NODES_MAX: Final = 200_000
"""Of Thompson's construction; counts within counts multiply."""
WAYS_MAX: Final = 2_000_000
"""Nodes of all states together, each state counted for each letter: some seconds."""

_ALWAYS, _AT_START, _AT_END = range(3)


class _Current(NamedTuple):
    """Where the text may be in the expression."""

    nodes: frozenset[int]
    """Those that a character leaves."""
    accepts: bool


@lru_cache(maxsize=64)
def compiled(tree: Node) -> StateMachine:
    """The machine that accepts the whole texts that fit. Raises TooLargeError."""
    network = _Network()
    start, end = network.node(), network.node()
    network.add(tree, start, end)
    alike: dict[tuple[int, ...], list[int]] = {}
    for letter in FIELD_BYTES:
        alike.setdefault(network.sets_with(letter), []).append(letter)
    readable = {letter: frozenset(sets) for sets, group in alike.items() for letter in group}

    def step(current: _Current, letter: int) -> _Current:
        return network.closure(network.read(current, readable[letter]), end)

    first = network.closure({start}, end, at_start=True)
    return built(Behaviour(first, step, lambda current: current.accepts), map(bytes, alike.values()))


class _Network:
    """Nodes with edges that need no character, and at most one that reads one."""

    def __init__(self) -> None:
        self._free: list[list[tuple[int, int]]] = []
        self.readings: dict[int, tuple[int, int]] = {}
        """By node: the number of the set that it reads, and the node that follows."""
        self._sets: dict[Ranges, int] = {}
        self._known: dict[int, _Current] = {}
        self._ways = 0

    def node(self) -> int:
        """A new one."""
        if len(self._free) == NODES_MAX:
            raise TooLargeError(f"more than {NODES_MAX:,} characters, counts written out")
        self._free.append([])
        return len(self._free) - 1

    def sets_with(self, letter: int) -> tuple[int, ...]:
        """The numbers of the sets that hold the letter."""
        return tuple(
            number
            for ranges, number in self._sets.items()
            if any(first <= letter <= last for first, last in ranges)
        )

    def add(self, tree: Node, start: int, end: int) -> None:
        """A way from start to end for what the tree accepts."""
        match tree:
            case CharacterSet(ranges):
                through = self.node()
                self._link(start, through)
                self.readings[through] = (self._sets.setdefault(ranges, len(self._sets)), end)
            case Anchor(at_start):
                self._link(start, end, _AT_START if at_start else _AT_END)
            case Alternation(options):
                for option in options:
                    self.add(option, start, end)
            case Concatenation(parts):
                for part in parts:
                    start = self._added(part, start)
                self._link(start, end)
            case Repetition(part, least, most):
                self._repeat(part, (least, most), start, end)

    def _repeat(self, part: Node, counts: tuple[int, int | None], start: int, end: int) -> None:
        least, most = counts
        if _fits_nothing(part):
            least = 0  # the same, with shorter ways
        for _ in range(least):
            start = self._added(part, start)
        if most is None:
            around = self.node()
            self._link(start, around)
            self.add(part, around, around)
            start = around
        for _ in range((most or least) - least):
            self._link(
                start, end
            )  # straight to the end: from one to the next it would be a path of quadratic size
            start = self._added(part, start)
        self._link(start, end)

    def _added(self, part: Node, start: int) -> int:
        end = self.node()
        self.add(part, start, end)
        return end

    def _link(self, start: int, end: int, when: int = _ALWAYS) -> None:
        self._free[start].append((end, when))

    def read(self, current: _Current, sets: frozenset[int]) -> set[int]:
        """The nodes after a character that these sets hold. Raises TooLargeError."""
        self._count(len(current.nodes))
        readings = (self.readings[node] for node in current.nodes)
        return {target for number, target in readings if number in sets}

    def closure(self, nodes: Iterable[int], end: int, *, at_start: bool = False) -> _Current:
        """What is reached without a character."""
        if at_start:
            return self._reached(nodes, end, {_ALWAYS, _AT_START})
        found = [self._known.get(node) or self._remembered(node, end) for node in nodes]
        self._count(sum(len(current.nodes) for current in found))
        return _Current(
            frozenset().union(*(current.nodes for current in found)),
            any(current.accepts for current in found),
        )

    def _remembered(self, node: int, end: int) -> _Current:
        self._known[node] = self._reached([node], end, {_ALWAYS})
        return self._known[node]

    def _reached(self, nodes: Iterable[int], end: int, open_: set[int]) -> _Current:
        within = self._linked(nodes, open_)
        at_end = self._linked(within, {*open_, _AT_END})
        return _Current(frozenset(node for node in within if node in self.readings), end in at_end)

    def _linked(self, nodes: Iterable[int], open_: set[int]) -> set[int]:
        met = set(nodes)
        pending = list(met)
        while pending:
            for following, when in self._free[pending.pop()]:
                if when in open_ and following not in met:
                    met.add(following)
                    pending.append(following)
        self._count(len(met))
        return met

    def _count(self, ways: int) -> None:
        self._ways += ways
        if self._ways > WAYS_MAX:
            raise TooLargeError(f"more than {WAYS_MAX:,} ways through it")


def _fits_nothing(tree: Node) -> bool:
    """Whether an empty text fits at any place."""
    match tree:
        case Concatenation(parts):
            return all(map(_fits_nothing, parts))
        case Alternation(options):
            return any(map(_fits_nothing, options))
        case Repetition(part, least, _):
            return not least or _fits_nothing(part)
        case _:
            return False
