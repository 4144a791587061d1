"""What was found about orders, as data and in words, for every report. Judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.checks.harm import Ground, harm_at_end
from harness.stages.chart import machines, places
from harness.stages.journey import Journey
from harness.stages.model import after, diagram, stand_ups
from harness.stages.orders import Order, Survey
from harness.stages.rule import (
    compare,
    derive_rule,
    forbidden_stages,
    forbidden_transitions,
    minimal_unsafe_order,
)


@dataclass(frozen=True, slots=True)
class Derived:
    """The rule behind the safe orders, beside the plan's, and the shortest way to harm."""

    rule: str
    safe_orders: int
    beside_the_plan: str
    expressible: bool
    minimal_unsafe_order: tuple[str, ...]
    """A numbered tree with its evidence; empty when no order is unsafe."""


@dataclass(frozen=True, slots=True)
class OrdersEvidence:
    """What was enumerated, stood up and taken, and what follows from it; for reports."""

    orders: int
    orders_total: int
    stages: int
    stages_total: int
    stand_ups: int
    stand_ups_total: int
    steps: int
    """Distinct steps taken with requests in flight; a step is one of a stage."""
    steps_total: int
    walks: int
    swaps: int
    requests: int
    """Those of probes and those in flight."""
    requests_traffic: int
    """Those sent while replicas were replaced; how many is a matter of time."""
    derived: Derived | None
    """None at a level that stands up too little to derive anything from."""
    forbidden_stages: tuple[str, ...]
    forbidden_steps: tuple[str, ...]
    """Where harm was seen, in words: no rollout, forward or back, may pass there. Steps between safe stages only."""
    warnings: tuple[str, ...]
    """What some will meet whose code is not the plan's; none of it changes the verdict."""
    diagram: str
    """The rollout's machines, as a Mermaid state diagram."""
    places: tuple[dict[str, Any], ...]
    """Each stage, whether it was stood up, and what did harm there, as `chart.places` says."""
    exploration: tuple[str, ...] = ()
    """What was explored at random, and which rows were lost as the backend as it was loses them."""
    failing_program: dict[str, Any] | None = None
    """The smallest program that lost others, for a file that repeats it."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know beside the claims."""
        return (*(f"warning to whoever has it: {one}" for one in self.warnings), *self.exploration)

    def lines(self) -> tuple[str, ...]:
        """What was done and found, for a person."""
        told = [
            f"{self.orders}/{self.orders_total} orders enumerated: {self.stages}/{self.stages_total} stages stood up"
            f" ({self.stand_ups}/{self.stand_ups_total} stand-ups), {self.steps}/{self.steps_total} steps taken with"
            f" requests in flight",
            f"{self.walks} walks, {self.swaps} replicas replaced under traffic; {self.requests} requests of probes"
            f" and in flight, {self.requests_traffic} of traffic",
            *self.remarks,
        ]
        if self.derived is None:
            return (*told, "rule: not derived at this level, which stands up the plan's own order only")
        told += [
            f"rule derived: {self.derived.rule} ({self.derived.safe_orders} of {self.orders} orders are safe)",
            f"beside the plan: {self.derived.beside_the_plan}",
        ]
        told += [f"no order may pass: {words}" for words in (*self.forbidden_stages, *self.forbidden_steps)]
        if self.derived.minimal_unsafe_order:
            told += ["shortest way to harm:", *self.derived.minimal_unsafe_order]
        return tuple(told)

    def section(self) -> dict[str, Any]:
        """The same for the JSON report."""
        derived = self.derived
        return {
            "orders": {"enumerated": self.orders, "total": self.orders_total},
            "stages": {"stood_up": self.stages, "total": self.stages_total},
            "stand_ups": {"stood_up": self.stand_ups, "total": self.stand_ups_total},
            "steps": {"taken_in_flight": self.steps, "total": self.steps_total},
            "walks": self.walks,
            "swaps": self.swaps,
            "requests": self.requests,
            "requests_traffic": self.requests_traffic,
            "rule": None
            if derived is None
            else {
                "words": derived.rule,
                "expressible": derived.expressible,
                "safe_orders": derived.safe_orders,
                "beside_the_plan": derived.beside_the_plan,
            },
            "minimal_unsafe_order": [] if derived is None else list(derived.minimal_unsafe_order),
            "forbidden_stages": list(self.forbidden_stages),
            "forbidden_steps": list(self.forbidden_steps),
            "warnings": list(self.warnings),
            "exploration": list(self.exploration),
            "failing_program": self.failing_program,
            "diagram": self.diagram,
            "machines": machines(),
            "places": list(self.places),
        }


def gather(
    found: Survey,
    ground: Ground,
    journeys: Sequence[Journey],
    derived: Derived | None,
    warnings: tuple[str, ...] = (),
) -> OrdersEvidence:
    """Counts what was looked at, and adds what follows from it."""
    visits = [visit for journey in journeys for visit in journey.visits]
    passages = [passage for journey in journeys for passage in journey.passages]
    unsafe = ground.unsafe
    return OrdersEvidence(
        orders=len(found.orders),
        orders_total=found.total,
        stages=len(ground.stages),
        stages_total=len(found.stages),
        stand_ups=len({visit.stand_up for visit in visits}),
        stand_ups_total=len(stand_ups(found.stages)),
        steps=len(ground.transitions),
        steps_total=len(found.transitions),
        walks=len(journeys),
        swaps=sum(bool(passage.traffic) for passage in passages),
        requests=sum(len(visit.observations) for visit in visits)
        + sum(len(passage.held) for passage in passages),
        requests_traffic=sum(len(passage.traffic) for passage in passages),
        derived=derived,
        forbidden_stages=tuple(stage.words for stage in forbidden_stages(found.orders, unsafe)),
        forbidden_steps=tuple(
            f"{step}, in stage ({stage.words})"
            for stage, step in forbidden_transitions(found.orders, unsafe)
            if unsafe.stages.isdisjoint((stage, after(stage, step)))
        ),
        warnings=warnings,
        diagram=diagram(),
        places=tuple(places(found.stages, ground.stages, unsafe)),
    )


def derive(orders: Sequence[Order], ground: Ground) -> Derived:
    """The rule behind the safe ones among forward orders, beside the plan's, and the shortest way to harm."""
    unsafe = ground.unsafe
    rule = derive_rule(orders, unsafe)
    path = minimal_unsafe_order(orders, unsafe)
    tree: tuple[str, ...] = ()
    if path is not None:
        tree = path.lines(harm_at_end(ground, path.order, by_step=path.by_step).lines())
    return Derived(rule.words(), rule.safe, compare(orders, unsafe).words(), rule.expressible, tree)
