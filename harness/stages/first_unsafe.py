"""Where unsafe orders first break, counted on the graph of orders and never listed. Pure.

Theory. An unsafe order has one first step that is unsafe in itself or leads to an unsafe stage; all before it is safe.
Through a step from one node to the next go as many such orders as there are safe beginnings up to the one node, times
the ways on from the other, safe or not. Added up over the nodes of a stage that is the number of orders that first
break with this step in this stage, and over all of them the number of unsafe orders: each is counted once.

What a step meets depends on the stage that it is taken in: on what is done of the schema, on the versions that run and
on the extensions in the field, not on how the order came there. To run each of these steps once, from an environment
in that stage, is therefore to run the first break of every unsafe order. What comes after it makes no order safe again.
"""

from collections.abc import Iterable
from typing import NamedTuple

from harness.stages.model import Stage, StageConfig, after, stage_configs
from harness.stages.orders import OrderGraph
from harness.stages.paths import PathStep, StagePath, transitions_from
from harness.stages.safety import Place, Unsafe
from harness.stages.steps import Step


class FirstUnsafe(NamedTuple):
    """A step with which orders first break."""

    stage: Stage
    """That it is taken in."""
    step: Step | None
    """None where the stage is the start, and unsafe."""
    orders: int
    """How many orders first break there."""

    @property
    def places(self) -> tuple[Place, ...]:
        """What may be unsafe of it: the step itself, or the stage that it leads to."""
        if self.step is None:
            return (self.stage,)
        return ((self.stage, self.step), after(self.stage, self.step))


def first_unsafe(graph: OrderGraph, unsafe: Unsafe) -> tuple[FirstUnsafe, ...]:
    """Each step with which an order first breaks, the earliest of a rollout first; together all unsafe orders."""
    if graph.model.start in unsafe.stages:
        return (FirstUnsafe(graph.model.start, None, graph.count),)
    marks, steps = unsafe.marks(graph), graph.model.steps
    beginnings = [0] * len(graph.nodes)
    beginnings[0] = 1
    orders: dict[tuple[Stage, int], int] = {}
    for number, count in enumerate(beginnings):  # a step leads to a higher number: what is read is complete
        node = graph.nodes[number]
        for place, to in graph.onwards(number) if count else ():
            if marks(node, place, graph.nodes[to]):
                key = (node.stage, place)
                orders[key] = orders.get(key, 0) + count * graph.ways[to]
            else:
                beginnings[to] += count
    ordered = sorted(orders.items(), key=lambda item: (item[0][0].rank, item[0][1]))
    return tuple(FirstUnsafe(stage, steps[place], count) for (stage, place), count in ordered)


def first_unsafe_paths(found: Iterable[FirstUnsafe]) -> tuple[StagePath, ...]:
    """The start, probed, as what a stage is compared with; then each of these steps from an environment of its own.

    A step of a build, and one beside a build, is taken in the first of the build's waits.
    """
    places = [(each.stage, each.step) for each in found if each.step is not None]
    if not places:
        return ()
    paths = [StagePath(1, StageConfig(places[0][0].model.start, None), probed=True, steps=())]
    for number, (stage, step) in enumerate(places, start=2):
        start = stage_configs([stage])[0]
        transition = next(each for each in transitions_from(start) if each.step == step)
        taken = PathStep(transition, in_flight=True, probed=True)
        paths.append(StagePath(number, start, probed=False, steps=(taken,)))
    return tuple(paths)
