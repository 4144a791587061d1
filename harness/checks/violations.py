"""Finds what is unsafe in path runs: violations at stages and across steps, each with the request that shows it.

A violation is what somebody notices who has never heard of the header: another reply than the old backend gave before
the rollout, a row too few or too many or under another user, a value where none belongs. Only requests that the field
sends at a stage count: an old extension sends no header.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.checks.evidence import (
    describe_reply,
    describe_request,
    describe_rows,
    finding,
)
from harness.checks.row_checks import effect_of
from harness.clients.exchange import Outcome, Reply
from harness.clients.extension import ExtensionBuild
from harness.probing.features import Strength, reply_differences
from harness.probing.judge import Aspect, expect, judge
from harness.rule.policy import STRICT
from harness.stages.model import Stage, StageConfig, Transition, stage_configs
from harness.stages.orders import Survey
from harness.stages.runs import PathRun, StepRefused
from harness.stages.safety import Place, Unsafe
from harness.stages.symmetry import Sharing
from harness.sut.observation import Observation
from harness.verdict import Finding

Reference = Mapping[tuple[str, bool], Reply]
"""How the old backend served a request without the header before the rollout, by sign-in and streaming."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The first violation observed at a stage or across a step."""

    place: Place
    condition: str
    """The stage, or the step and the stage it was taken in, in words."""
    effect: str
    observation: Observation | None = None
    """The request that shows it; none when the server refused the step."""
    cause: str = ""
    """What the backend reported about it, where it did."""

    def lines(self) -> tuple[str, ...]:
        """The evidence, a line each: the request, the reply, the rows, why; the place is in the tree above."""
        lines: list[str] = []
        if self.observation is not None:
            lines += [
                f"request  {describe_request(self.observation)}",
                f"reply    {describe_reply(self.observation.reply)}",
                f"rows     {describe_rows(self.observation.rows, self.observation.probe.spec)}",
            ]
        lines.append(f"effect   {self.effect}")
        if self.cause:
            lines.append(f"cause    {self.cause}")
        return tuple(lines)

    def finding(self, claim: str, replay: str) -> Finding:
        """The violation as a finding against a claim."""
        effect = f"{self.effect}; {self.cause}" if self.cause else self.effect
        if self.observation is None:
            return Finding(claim, self.condition, effect, replay=replay)
        return replace(finding(claim, self.observation, effect), replay=replay)


@dataclass(frozen=True, slots=True)
class SafetyEvidence:
    """What was covered, and the violations observed there."""

    stages: frozenset[Stage]
    """Stages of which every configuration was probed."""
    transitions: frozenset[Transition]
    """Steps that were taken, or refused, with requests in flight."""
    violations: tuple[Violation, ...]
    """At most one for each stage and each step."""

    @property
    def unsafe(self) -> Unsafe:
        """The places of the violations."""
        places = [violation.place for violation in self.violations]
        return Unsafe(
            frozenset(place for place in places if isinstance(place, Stage)),
            frozenset(place for place in places if not isinstance(place, Stage)),
        )

    def spread(self, survey: Survey, sharing: Sharing) -> SafetyEvidence:
        """The same for every stage and step of the survey of which one that was run stands for it."""
        stages = {sharing.stage_key(stage) for stage in self.stages}
        transitions = {sharing.transition_key(taken) for taken in self.transitions}
        found: dict[object, Violation] = {}
        for violation in self.violations:
            found.setdefault(_key(violation.place, sharing), violation)
        places: tuple[Place, ...] = (*survey.stages, *survey.transitions)
        return SafetyEvidence(
            frozenset(stage for stage in survey.stages if sharing.stage_key(stage) in stages),
            frozenset(taken for taken in survey.transitions if sharing.transition_key(taken) in transitions),
            tuple(
                replace(found[_key(place, sharing)], place=place)
                for place in places
                if _key(place, sharing) in found
            ),
        )

    def uncovered(self, stages: Iterable[Stage], transitions: Iterable[Transition]) -> tuple[str, ...]:
        """Those that were not covered, in words."""
        return (
            *(str(stage) for stage in stages if stage not in self.stages),
            *(describe_transition(*taken) for taken in transitions if taken not in self.transitions),
        )


def _key(place: Place, sharing: Sharing) -> object:
    return sharing.stage_key(place) if isinstance(place, Stage) else sharing.transition_key(place)


def find_violations(path_runs: Sequence[PathRun], *, every_phase: bool = True) -> SafetyEvidence:
    """Looks for violations everywhere the paths went.

    With `every_phase` a stage counts as covered only when all its configurations were probed; without, one is enough.
    """
    reference = reference_of(path_runs)
    probed: set[StageConfig] = set()
    transitions: set[Transition] = set()
    violations: dict[Place, Violation] = {}

    def look(place: Place, condition: str, observations: Collection[Observation], path_run: PathRun) -> None:
        for observation in observations:
            effect = violation_in(observation, reference)
            if effect is not None:
                violation = Violation(place, condition, effect, observation, cause_of(observation, path_run))
                violations.setdefault(place, violation)
                return

    for path_run in path_runs:
        for stage_run in path_run.stages:
            probed.add(stage_run.config)
            look(stage_run.config.stage, str(stage_run.config), stage_run.observations, path_run)
        for taken in path_run.transitions:
            place = taken.transition.of_stage
            condition = describe_transition(taken.transition.start, taken.transition.step)
            transitions.add(place)
            if taken.refusal is not None:
                violations.setdefault(place, Violation(place, condition, _refusal(taken.refusal)))
            look(place, condition, (*taken.held, *taken.traffic), path_run)
    stages = frozenset(
        stage
        for stage in {config.stage for config in probed}
        if not every_phase or probed.issuperset(stage_configs([stage]))
    )
    return SafetyEvidence(stages, frozenset(transitions), tuple(violations.values()))


def reference_of(path_runs: Iterable[PathRun]) -> Reference:
    """How a request without the header was served at the start; empty when the start was not probed."""
    reference: dict[tuple[str, bool], Reply] = {}
    for path_run in path_runs:
        for stage_run in path_run.stages:
            if stage_run.config.stage == stage_run.config.stage.model.start:
                for observation in stage_run.observations:
                    probe = observation.probe
                    if not probe.lines:
                        reference.setdefault((probe.auth, probe.stream), observation.reply)
    return reference


def violation_in(observation: Observation, reference: Reference) -> str | None:
    """What is wrong with a request that the field sends, in words; None when nothing is, or it is none of those."""
    probe, reply = observation.probe, observation.reply
    if probe.extension is ExtensionBuild.BEFORE and probe.lines:
        return None
    if reply.outcome is not Outcome.REPLY:
        return f"it was not served: {reply.outcome}" + (f" ({reply.reason})" if reply.reason else "")
    before = reference.get((probe.auth, probe.stream))
    if before is None or reply_differences(reply, before, Strength.SERVICE):
        return "the reply is not the one that the old backend gave before the rollout"
    # Only a value where NULL belongs by every rule is noticed by somebody who has never heard of the header.
    is_null = observation.served_by == "before" or (not probe.lines and probe.email is None)
    for difference in judge(observation.rows, expect(probe, observation.served_by, STRICT)):
        if difference.kind is not Aspect.VALUE or is_null:
            return effect_of(difference, observation.rows, probe.spec)
    return None


def cause_of(observation: Observation, path_run: PathRun) -> str:
    """What the replica reported of rows that it gave up, with the SQLSTATE; empty when it reported nothing."""
    loss = path_run.losses.get(observation.reply.upstream_id or "")
    return f"{loss.sqlstate} {loss.message}".strip() if loss else ""


def _refusal(refusal: StepRefused) -> str:
    return f"the server refuses the step: {refusal.sqlstate} {refusal.message}"


def describe_transition(stage: Stage | StageConfig, step: object) -> str:
    """The step and the stage it is taken in, in words."""
    return f"{step}, in stage ({stage})"
