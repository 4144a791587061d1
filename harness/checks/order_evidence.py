"""What was found about orders, as the section `orders` of a report: what was covered, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.checks.violations import SafetyEvidence, describe_transition
from harness.report.contents import Covered, Enumerated, Orders, SafetyRule, Table, Taken
from harness.stages.analysis import Safety
from harness.stages.graph import machines, mermaid, stage_safety
from harness.stages.model import StageModel, after, stage_configs
from harness.stages.orders import Survey
from harness.stages.runs import PathRun


@dataclass(frozen=True, slots=True)
class OrdersEvidence:
    """What was covered and what follows from it; for reports."""

    model: StageModel
    survey: Survey
    """Everything that the level's orders pass."""
    evidence: SafetyEvidence
    path_runs: tuple[PathRun, ...]
    safety: Safety
    breaks: Table | None = None
    """Where the unsafe orders first break, and what was seen there; None where there are none, or too little ran."""
    warnings: tuple[str, ...] = ()
    """What code meets that prepares other statements than the plan's; none of it changes the verdict."""
    assumption: str = ""
    """What is assumed of replicas of one version; empty where nothing is."""
    exploration: tuple[str, ...] = ()
    """What was explored at random, and which rows were lost as the old backend loses them."""
    failing_program: dict[str, Any] | None = None
    """The smallest failure of the exploration, as `checks.exploration` gives it."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know beside the claims."""
        assumed = (f"assumed: {self.assumption}",) if self.assumption else ()
        return (
            *assumed,
            *(f"warning for code that has it: {warning}" for warning in self.warnings),
            *self.exploration,
        )

    def orders(self) -> Orders:
        """The same as a section of the report."""
        survey, evidence, safety = self.survey, self.evidence, self.safety
        stage_runs = [stage_run for path_run in self.path_runs for stage_run in path_run.stages]
        transitions = [taken for path_run in self.path_runs for taken in path_run.transitions]
        configs, configs_run = stage_configs(survey.stages), {each.config for each in stage_runs}
        rule = safety.rule
        return Orders(
            orders=Enumerated(survey.orders, survey.orders),
            stages=Covered(len(evidence.stages), len(survey.stages)),
            environments=Covered(len(configs_run), len(configs)),
            transitions=Taken(len(evidence.transitions), len(survey.transitions)),
            paths=len(self.path_runs),
            swaps=sum(bool(taken.traffic) for taken in transitions),
            requests=sum(len(each.observations) for each in stage_runs)
            + sum(len(taken.held) for taken in transitions),
            requests_traffic=sum(len(taken.traffic) for taken in transitions),
            rule=None
            if rule is None
            else SafetyRule(str(rule), rule.expressible, rule.safe, str(safety.comparison)),
            smallest_unsafe_order=tuple(self._smallest_unsafe_order()),
            forbidden_stages=tuple(str(stage) for stage in survey.stages if stage in safety.unsafe.stages),
            forbidden_steps=tuple(self._forbidden_steps()),
            warnings=self.warnings,
            exploration=self.exploration,
            failing_program=self.failing_program,
            diagram=mermaid(self.model),
            machines=machines(self.model),
            stage_safety=stage_safety(survey.stages, evidence.stages, safety.unsafe),
        )

    def _smallest_unsafe_order(self) -> Sequence[str]:
        unsafe_order = self.safety.smallest_unsafe
        if unsafe_order is None:
            return ()
        violation = next(each for each in self.evidence.violations if each.place == unsafe_order.place)
        return unsafe_order.lines(violation.lines())

    def _forbidden_steps(self) -> Sequence[str]:
        """Unsafe steps between safe stages: those from or to an unsafe stage go without saying."""
        unsafe = self.safety.unsafe
        return [
            describe_transition(stage, step)
            for stage, step in self.survey.transitions
            if (stage, step) in unsafe.transitions and unsafe.stages.isdisjoint((stage, after(stage, step)))
        ]
