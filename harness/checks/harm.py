"""Where the rollout does harm: looked for in what was seen at stages and across steps, and put into words.

Harm is what somebody notices who has never heard of the header: another reply than the old backend gave before the
rollout, a row too few or too many or under another user, a value where none belongs. Only requests that the field
sends at a stage count: an old extension sends no header. Takes journeys; knows no server, and no claim but by its id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.checks.evidence import (
    describe_reply,
    describe_request,
    describe_rows,
    describe_value,
    finding,
    service,
)
from harness.clients.exchange import Outcome
from harness.clients.extension import Auth, ExtensionBuild
from harness.database.schema_state import SchemaState
from harness.stages.itinerary import Crossing
from harness.stages.journey import Journey
from harness.stages.model import START, Stage, StandUp, Version, after, stand_ups
from harness.stages.orders import Order, Transition, distinct_stages, distinct_transitions
from harness.stages.rule import PLAN_IMPLIED, Unsafe
from harness.stages.schema import StepRefused
from harness.sut import Observation
from harness.verdict import Finding

PROMISED: Final = PLAN_IMPLIED
"""What the plan asks for when it calls the extension independent: that no replica is ahead of the column."""

Place = Stage | Transition

Reference = Mapping[tuple[Auth, bool], tuple[object, ...]]
"""How the old backend served a request without the header before the rollout, by sign-in and streaming."""


@dataclass(frozen=True, slots=True)
class Harm:
    """The first harm seen at a stage or across a step."""

    place: Place
    words: str
    """The stage, or the step and the stage it was taken in."""
    effect: str
    seen: Observation | None = None
    """The request it was seen on; none when the server refused the step."""
    cause: str = ""
    """What the backend told of it, where it did."""

    def lines(self) -> tuple[str, ...]:
        """The evidence, a line each: the request, the reply, the rows, why; where it was stands in the tree above."""
        told: list[str] = []
        if self.seen is not None:
            told += [f"request  {describe_request(self.seen)}", f"reply    {describe_reply(self.seen.reply)}"]
            told.append(f"rows     {describe_rows(self.seen.rows)}")
        told.append(f"harm     {self.effect}")
        if self.cause:
            told.append(f"cause    {self.cause}")
        return tuple(told)

    def finding(self, claim: str, replay: str) -> Finding:
        """The harm as a finding against a claim."""
        effect = f"{self.effect}; {self.cause}" if self.cause else self.effect
        if self.seen is None:
            return Finding(claim, self.words, effect, replay=replay)
        return replace(finding(claim, self.seen, effect), replay=replay)


@dataclass(frozen=True, slots=True)
class Ground:
    """What was covered, and the harm seen on it."""

    stages: frozenset[Stage]
    """Stages of which every stand-up was probed."""
    transitions: frozenset[Transition]
    """Steps that were taken, or refused, with requests in flight."""
    harms: tuple[Harm, ...]
    """At most one for each stage and each step."""

    @property
    def unsafe(self) -> Unsafe:
        """The places of harm, as the rule is derived from."""
        places = [harm.place for harm in self.harms]
        return Unsafe(
            frozenset(place for place in places if isinstance(place, Stage)),
            frozenset(place for place in places if not isinstance(place, Stage)),
        )

    def unseen(self, orders: Sequence[Order]) -> tuple[str, ...]:
        """What the orders pass and nobody has looked at, in words."""
        stages = [stage.words for stage in distinct_stages(orders) if stage not in self.stages]
        steps = [
            _step_words(*taken) for taken in distinct_transitions(orders) if taken not in self.transitions
        ]
        return (*stages, *steps)


def survey_ground(journeys: Sequence[Journey], *, every_half_way: bool = True) -> Ground:
    """Looks for harm everywhere the journeys went.

    With `every_half_way` a stage counts as looked at only when all its stand-ups were; without, one is enough.
    """
    reference = reference_of(journeys)
    probed: set[StandUp] = set()
    transitions: set[Transition] = set()
    harms: dict[Place, Harm] = {}

    def look(place: Place, words: str, observations: Iterable[Observation], one: Journey) -> None:
        for seen in observations:
            effect = harm_of(seen, reference)
            if effect is not None:
                harms.setdefault(place, Harm(place, words, effect, seen, cause_of(seen, one)))
                return

    for journey in journeys:
        for visit in journey.visits:
            probed.add(visit.stand_up)
            look(visit.stand_up.stage, _place_words(visit.stand_up), visit.observations, journey)
        for passage in journey.passages:
            taken = passage.crossing.transition
            transitions.add(taken)
            if passage.refusal is not None:
                words = _crossing_words(passage.crossing)
                harms.setdefault(taken, Harm(taken, words, _refusal_words(passage.refusal)))
            look(taken, _crossing_words(passage.crossing), (*passage.held, *passage.traffic), journey)
    stages = frozenset(
        stage
        for stage in {one.stage for one in probed}
        if not every_half_way or probed.issuperset(stand_ups([stage]))
    )
    return Ground(stages, frozenset(transitions), tuple(harms.values()))


def reference_of(journeys: Iterable[Journey]) -> Reference:
    """How a request without the header was served at the start; empty when nobody has looked there."""
    found: dict[tuple[Auth, bool], tuple[object, ...]] = {}
    for journey in journeys:
        for visit in journey.visits:
            if visit.stand_up.stage == START:
                for seen in visit.observations:
                    if not seen.probe.lines:
                        found.setdefault((seen.probe.auth, seen.probe.stream), service(seen.reply))
    return found


def harm_of(seen: Observation, reference: Reference) -> str | None:
    """What is wrong with a request that the field sends, in words; None when nothing is, or it is none of those."""
    probe, reply = seen.probe, seen.reply
    if probe.extension is ExtensionBuild.BEFORE and probe.lines:
        return None
    if reply.outcome is not Outcome.REPLY:
        return f"it was not served: {reply.outcome}" + (f" ({reply.reason})" if reply.reason else "")
    was = reference.get((probe.auth, probe.stream))
    if was is None or service(reply) != was:
        return "the reply is not the one that the old backend gave before the rollout"
    if len(seen.rows) != 1 or not seen.rows[0].whole:
        return f"expected one usage row with its metadata row, found {len(seen.rows)}"
    row = seen.rows[0]
    if row.user != probe.user:
        return f"accounted to {row.user}, expected {probe.user}"
    quiet = not probe.lines and probe.email is None
    if (quiet or seen.served_by == "before") and row.value is not None:
        return f"stored {describe_value(row.value)}, expected NULL"
    return None


def harm_at_end(ground: Ground, order: Order, *, by_step: bool) -> Harm:
    """The harm in which an order cut short ends: that of its last step, or of its last stage."""
    place = order.transitions[-1] if by_step else order.stages[-1]
    return next(harm for harm in ground.harms if harm.place == place)


def is_promised(place: Place) -> bool:
    """Whether the rollout, forward or back, is promised to be safe there: no replica is ahead of the column.

    For forward orders these are the places of all that keep to `PROMISED`. A step counts with where it leads.
    """
    if isinstance(place, Stage):
        return place.schema is not SchemaState.BASE or Version.AFTER not in place.replicas
    stage, step = place
    return is_promised(stage) and is_promised(after(stage, step))


def cause_of(seen: Observation, journey: Journey) -> str:
    """What the replica told of rows that it gave up; empty when it told nothing."""
    loss = journey.losses.get(seen.reply.upstream_id or "")
    return f"{loss.sqlstate} {loss.message}".strip() if loss else ""


def _refusal_words(refusal: StepRefused) -> str:
    return f"the server refuses the step: {refusal.sqlstate} {refusal.message}"


def _place_words(stand_up: StandUp) -> str:
    half_way = f" ({stand_up.half_way})" if stand_up.half_way else ""
    return f"{stand_up.stage.words}{half_way}"


def _crossing_words(crossing: Crossing) -> str:
    return f"{crossing.step}, in stage ({_place_words(crossing.start)})"


def _step_words(stage: Stage, step: object) -> str:
    return f"{step}, in stage ({stage.words})"
