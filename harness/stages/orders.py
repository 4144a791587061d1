"""The legal orders of a rollout's steps, as paths through a graph: counted, searched, surveyed, listed on request.

What is safe is not known here: that is observed on real stages. Orders grow with factorials (hundreds; hundreds of
millions with five replicas and three more steps), stages with products: whatever is asked of orders is asked of the
graph. A node of it is a stage with how often each step has been taken; an order is a path from the start to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.errors import UsageError
from harness.stages.model import Stage, StageModel, Transition, after, stage_configs
from harness.stages.steps import Step, StepAction


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many detours an order may take. They make the orders finite: no other cycle is in the model."""

    interruptions_max: int = 1
    roll_backs: int = 0
    """Exactly so many; any taken step, at any time, also after the rollout was complete."""

    def less(self, step: Step) -> Bounds | None:
        """What remains after the step; None when the step is not within the bounds."""
        interruptions, roll_backs = self.interruptions_max, self.roll_backs
        if step.action is StepAction.INTERRUPT:
            interruptions -= 1
        elif step.rolls_back:
            roll_backs -= 1
        return None if min(interruptions, roll_backs) < 0 else Bounds(interruptions, roll_backs)


FORWARD: Final = Bounds()
ONE_ROLL_BACK: Final = Bounds(roll_backs=1)


@dataclass(frozen=True, slots=True)
class Order:
    """A legal sequence of steps and the stages it passes: one more than steps, the first being the start."""

    steps: tuple[Step, ...]
    stages: tuple[Stage, ...]

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """Each step with the stage it was taken in."""
        return tuple(zip(self.stages, self.steps, strict=False))

    def __str__(self) -> str:
        """The steps in one line."""
        return ", ".join(map(str, self.steps)) or "no step"


def order_of(steps: Iterable[Step], start: Stage) -> Order:
    """The order that these steps make. Raises UsageError at the first step that is not legal."""
    taken = tuple(steps)
    stages = [start]
    for number, step in enumerate(taken, start=1):
        try:
            stages.append(after(stages[-1], step))
        except UsageError as refusal:
            raise UsageError(f"step {number} of {len(taken)}: {refusal}") from None
    return Order(taken, tuple(stages))


class Node(NamedTuple):
    """Where an order is: its stage, and how often it has taken each step, by the steps' places in the model."""

    stage: Stage
    taken: tuple[int, ...]
    left: Bounds


Edge = tuple[int, int]
"""The place of a step, and the number of the node that it leads to."""
Allows = Callable[[Node, int, Node], bool]
"""Whether an order may take the step at this place, from one node to the next."""


class OrderGraph:
    """The legal orders of a model within bounds, or those of them that never do what was forbidden.

    Nodes are numbered; a step leads to a higher number, since it is taken once more each time.
    """

    def __init__(self, model: StageModel, bounds: Bounds = FORWARD) -> None:
        self.model = model
        self.bounds = bounds
        self.nodes, self.edges = _explored(model, bounds)
        self.ways = self._ways()
        """How many orders go on from each node: none where no end can be reached."""

    @property
    def count(self) -> int:
        """How many orders there are."""
        return self.ways[0]

    def within(self, allows: Allows) -> OrderGraph:
        """The orders that keep to this as well; their nodes have the same numbers."""
        kept = copy(self)
        nodes, ways = self.nodes, self.ways
        kept.edges = [
            [(place, to) for place, to in edges if ways[to] and allows(nodes[number], place, nodes[to])]
            for number, edges in enumerate(self.edges)
        ]
        kept.ways = kept._ways()
        return kept

    def is_end(self, number: int) -> bool:
        """Whether an order ends at a node."""
        node = self.nodes[number]
        return _is_end(node.stage, node.left)

    def passed(self) -> list[int]:
        """The nodes of complete orders, by their numbers."""
        reached = [False] * len(self.nodes)
        reached[0] = bool(self.count)
        for number, edges in enumerate(self.edges):
            if reached[number]:
                for _, to in edges:
                    reached[to] = reached[to] or bool(self.ways[to])
        return [number for number, is_reached in enumerate(reached) if is_reached]

    def onwards(self, number: int) -> list[Edge]:
        """How complete orders go on from a node."""
        return [(place, to) for place, to in self.edges[number] if self.ways[to]]

    def orders(self) -> Iterator[Order]:
        """Every order, once, sorted by the places of its steps."""
        yield from self._extended(Order((), (self.model.start,)), 0)

    def survey(self) -> Survey:
        """What the orders pass."""
        stages: set[Stage] = set()
        transitions: set[Transition] = set()
        for number in self.passed():
            stage = self.nodes[number].stage
            stages.add(stage)
            transitions.update((stage, self.model.steps[place]) for place, _ in self.onwards(number))
        return Survey(self.count, by_rank(stages), by_place(transitions, self.model))

    def first_to(self, found: Allows) -> Order | None:
        """The shortest beginning of an order whose last step is such; of several the first; None where none is."""
        came: dict[int, tuple[int, int]] = {0: (0, 0)}
        queue = [0] if self.count else []
        for number in queue:  # breadth first, steps in their order: what comes first is the smallest
            for place, to in self.onwards(number):
                if found(self.nodes[number], place, self.nodes[to]):
                    return self._path(came, number, place)
                if to not in came:
                    came[to] = (number, place)
                    queue.append(to)
        return None

    def _path(self, came: Mapping[int, tuple[int, int]], number: int, last: int) -> Order:
        places = [last]
        while number:
            number, place = came[number]
            places.append(place)
        return order_of((self.model.steps[place] for place in reversed(places)), self.model.start)

    def _extended(self, order: Order, number: int) -> Iterator[Order]:
        if self.is_end(number):
            yield order
        for place, to in self.onwards(number):
            longer = Order((*order.steps, self.model.steps[place]), (*order.stages, self.nodes[to].stage))
            yield from self._extended(longer, to)

    def _ways(self) -> list[int]:
        ways = [int(self.is_end(number)) for number in range(len(self.nodes))]
        for number in reversed(range(len(self.nodes))):
            for _, to in self.edges[number]:
                ways[number] += ways[to]
        return ways


def _is_end(stage: Stage, left: Bounds) -> bool:
    """An order ends in the first complete stage with no roll-back left to take: nothing forward is legal there."""
    return stage.complete and left.roll_backs == 0


def _explored(model: StageModel, bounds: Bounds) -> tuple[list[Node], list[list[Edge]]]:
    """Every node that the model's moves lead to within the bounds, breadth first, and the edges of each."""
    nodes = [Node(model.start, (0,) * len(model.steps), bounds)]
    numbers = {(id(model.start), nodes[0].taken): 0}  # the model gives out each stage once
    edges: list[list[Edge]] = []
    for node in nodes:  # grows meanwhile, and ends: each node is added once
        here: list[Edge] = []
        edges.append(here)
        if _is_end(node.stage, node.left):
            continue
        for step, to in node.stage.moves.items():
            left = node.left.less(step)
            if left is None:
                continue
            place = model.places[step]
            taken = (*node.taken[:place], node.taken[place] + 1, *node.taken[place + 1 :])
            number = numbers.setdefault((id(to), taken), len(nodes))
            if number == len(nodes):
                nodes.append(Node(to, taken, left))
            here.append((place, number))
    return nodes, edges


def by_rank(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages, each once, the first of a rollout first."""
    return tuple(sorted(set(stages), key=lambda stage: stage.rank))


def by_place(transitions: Iterable[Transition], model: StageModel) -> tuple[Transition, ...]:
    """The transitions, each once, by the stage's rank and then by step."""
    return tuple(sorted(set(transitions), key=lambda taken: (taken[0].rank, model.places[taken[1]])))


@dataclass(frozen=True, slots=True)
class Survey:
    """What the orders within bounds pass: their number, and each stage and transition once, by rank."""

    orders: int
    stages: tuple[Stage, ...]
    transitions: tuple[Transition, ...]

    def __str__(self) -> str:
        """What there is, and what it costs: stages, environments, transitions."""
        return (
            f"{self.orders:,} orders, {len(self.stages)} stages"
            f" ({len(stage_configs(self.stages))} environments), {len(self.transitions)} transitions"
        )


def survey(model: StageModel, bounds: Bounds = FORWARD) -> Survey:
    """Counts the orders within the bounds and collects what they pass, without listing them."""
    return OrderGraph(model, bounds).survey()


def tree_lines(order: Order, marks: Mapping[int, Sequence[str]] | None = None) -> tuple[str, ...]:
    """The order as a numbered tree, a step and the stage it leads to under each number.

    `marks` are lines to hang below a step by its number, for example a request and its reply; 0 is the start.
    """
    hung = marks or {}
    lines = [f"0. start: {order.stages[0]}"]
    lines += _branches("│  " if order.steps else "   ", hung.get(0, ()))
    for number, (step, to) in enumerate(zip(order.steps, order.stages[1:], strict=True), start=1):
        last = number == len(order.steps)
        stem = "   " if last else "│  "
        lines.append(f"{'└─' if last else '├─'} {number}. {step}: {step.does}")
        below = (f"now {to}", *hung.get(number, ()))
        lines += _branches(stem, below)
    return tuple(lines)


def _branches(stem: str, below: Sequence[str]) -> list[str]:
    ends = ["├─"] * (len(below) - 1) + ["└─"]
    return [f"{stem}{end} {line}" for end, line in zip(ends, below, strict=False)]
