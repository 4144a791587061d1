"""What is safe: unsafe stages and transitions, the orders that avoid them, the smallest that does not. Pure.

What is unsafe comes in as data, from stages that ran. What is expected to be unsafe comes from the statements of the
rollout's files: `is_promised` and `expected_unsafe`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.stages.model import Stage, StageModel, Transition, after
from harness.stages.orders import Allows, Order, OrderGraph, tree_lines
from harness.stages.steps import Step, StepAction

Place = Stage | Transition


def is_promised(place: Place) -> bool:
    """Whether nothing is expected to break there: no replica is ahead of its column, none behind a mandatory one.

    A step counts with where it leads.
    """
    if isinstance(place, Stage):
        expected = place.model.expected
        return not any(expected.loses(place.schema, version) for version in place.replicas)
    stage, step = place
    return not is_refused(stage, step) and is_promised(stage) and is_promised(after(stage, step))


def is_refused(stage: Stage, step: Step) -> bool:
    """Whether the server is expected to refuse the step in that stage: the rollout then stays where it is."""
    if step.action not in (StepAction.DO, StepAction.TAKE_BACK):
        return False
    return stage.model.expected.refuses(stage.schema, step.action, stage.model.number(step))


def expected_unsafe(model: StageModel) -> Unsafe:
    """Every stage and step of a model at which something is expected to break."""
    places = [(stage, step) for stage in model.stages for step in stage.moves]
    return Unsafe(
        frozenset(stage for stage in model.stages if not is_promised(stage)),
        frozenset(
            (stage, step)
            for stage, step in places
            if is_promised(stage) and is_promised(after(stage, step)) and not is_promised((stage, step))
        ),
    )


@dataclass(frozen=True, slots=True)
class Unsafe:
    """Where a violation was observed: whole stages, and steps as taken in a stage."""

    stages: frozenset[Stage] = frozenset()
    transitions: frozenset[Transition] = frozenset()

    def affects(self, order: Order) -> bool:
        """Whether any stage or step of the order is unsafe."""
        return not (self.stages.isdisjoint(order.stages) and self.transitions.isdisjoint(order.transitions))

    def marks(self, graph: OrderGraph) -> Allows:
        """Whether an edge of the graph is unsafe, or leads to what is."""
        model = (
            graph.model
        )  # which gives out each stage once: stages are told apart by what they are in memory
        stages = {id(stage) for stage in model.stages if stage in self.stages}
        edges = {(id(model.known(stage)), model.places[step]) for stage, step in self.transitions}
        return lambda node, place, to: id(to.stage) in stages or (id(node.stage), place) in edges


def safe_orders(graph: OrderGraph, unsafe: Unsafe) -> OrderGraph:
    """Those of the orders at which nothing is unsafe."""
    marks = unsafe.marks(graph)
    never = graph.model.start in unsafe.stages
    return graph.within(lambda node, place, to: not (never or marks(node, place, to)))


@dataclass(frozen=True, slots=True)
class UnsafeOrder:
    """The beginning of an order, cut off where it is first unsafe."""

    order: Order
    """Not complete, as a rule; its last step is the unsafe one, or the one that leads to the unsafe stage."""
    by_step: bool
    """Whether the last step is unsafe in itself; else the last stage is."""

    @property
    def place(self) -> Place:
        """The unsafe transition or stage that it ends in."""
        return self.order.transitions[-1] if self.by_step else self.order.stages[-1]

    def lines(self, evidence: Iterable[str] = ()) -> tuple[str, ...]:
        """The order as a numbered tree; the evidence (request, reply, missing row) hangs below its end."""
        return tree_lines(self.order, {len(self.order.steps): tuple(evidence)})


def smallest_unsafe_order(graph: OrderGraph, unsafe: Unsafe) -> UnsafeOrder | None:
    """The fewest steps to a violation; of several the first in the model's order; None when nothing is unsafe."""
    if graph.model.start in unsafe.stages:
        return UnsafeOrder(Order((), (graph.model.start,)), by_step=False)
    order = graph.first_to(unsafe.marks(graph))
    return None if order is None else UnsafeOrder(order, order.transitions[-1] in unsafe.transitions)
