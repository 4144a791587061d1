"""What a report holds beside its claims, as types that are its JSON: orders, tables, self-test, audit, requests. Pure.

Names in quotes are those of the JSON, which stay although the words of the code have changed since.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from harness.verdict import Count, Status, Verdict

Texts = tuple[str, ...]
Seconds = Annotated[float, Meta(ge=0, lt=1e9)]


class Enumerated(Struct, frozen=True):
    """How many orders were enumerated."""

    enumerated: Count
    total: Count


class Covered(Struct, frozen=True):
    """How many stages or environments really ran."""

    covered: Count = field(name="stood_up")
    total: Count


class Taken(Struct, frozen=True):
    """How many transitions were taken with requests in flight."""

    taken: Count = field(name="taken_in_flight")
    total: Count


class SafetyRule(Struct, frozen=True):
    """Which orders are safe, derived from what was observed."""

    text: str = field(name="words")
    expressible: bool
    """Whether the rule says in words exactly which orders are safe."""
    safe_orders: Count
    comparison: str = field(name="beside_the_plan", default="")
    """The rule compared with the plan's order."""


class Move(Struct, frozen=True):
    """A step that is legal in a state, and where it leads."""

    start: str = field(name="from")
    step: str
    to: str
    roll_back: bool


class Machine(Struct, frozen=True):
    """A state machine of the rollout; its first state is where the rollout starts."""

    name: str
    states: Texts
    moves: tuple[Move, ...]


class StageSafety(Struct, frozen=True):
    """A stage of the rollout, and what is unsafe there."""

    schema: str
    replicas: Texts
    extension: str
    """Which extensions are in the field."""
    covered: bool = field(name="seen")
    """Whether it really ran."""
    unsafe: Texts = field(name="harm")
    """`stage` where the stage itself is, and each step that is unsafe when it is taken there."""


class Orders(Struct, frozen=True, kw_only=True):
    """What was covered of the rollout's orders, stages and steps, and what follows from it."""

    orders: Enumerated
    stages: Covered
    environments: Covered = field(name="stand_ups")
    """A stage, with the phase of its index build where one is under way."""
    transitions: Taken = field(name="steps")
    paths: Count = field(name="walks")
    """Test paths that were taken."""
    swaps: Count
    """Replicas that were replaced under traffic."""
    requests: Count
    """Requests of probes, and those in flight during a step."""
    requests_traffic: Count
    """Requests sent while replicas were replaced; how many is a matter of time."""
    rule: SafetyRule | None
    """Null at a level that covers too little to derive a rule from."""
    smallest_unsafe_order: Texts = field(name="minimal_unsafe_order")
    """The shortest unsafe sequence as a numbered tree with its evidence, a line each; empty if no order is unsafe."""
    forbidden_stages: Texts
    """Unsafe stages: no order may pass them."""
    forbidden_steps: Texts
    """Unsafe steps between safe stages."""
    warnings: Texts
    exploration: Texts
    """What was explored at random, a line each."""
    failing_program: Mapping[str, Any] | None
    """A document of its own schema (its field `schema`): the smallest failure of the exploration, to repeat it."""
    diagram: str
    """The state machines as the text of a Mermaid state diagram."""
    machines: tuple[Machine, ...] = ()
    stage_safety: tuple[StageSafety, ...] = field(name="places", default=())


class Table(Struct, frozen=True):
    """Rows of text under the names of their columns; a cell may have several lines."""

    title: str
    columns: Texts
    rows: tuple[Texts, ...]
    notes: Texts = ()

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(f"row {number} has {len(row)} cells, of {len(self.columns)} columns")


class TrialOutcome(Struct, frozen=True, kw_only=True):
    """A row of the self-test: a defect with the claim that must refute it, or a harmless variant."""

    name: str
    summary: str = field(name="words", default="")
    meant: str | None = None
    """Id of the claim; empty for a variant."""
    verdict: Verdict
    refuted: Texts
    """Ids of the claims that were refuted."""
    right: bool
    """Whether a defect is refuted by the claim meant for it, a variant by none."""
    level: str = ""
    """The level at which the trial ended."""
    seconds: Seconds = 0.0


class SelfTest(Struct, frozen=True):
    """Which claims refute which build."""

    claims: Texts
    trials: tuple[TrialOutcome, ...]

    def __str__(self) -> str:
        defects = [trial for trial in self.trials if trial.meant]
        variants = [trial for trial in self.trials if not trial.meant]
        caught = sum(trial.right for trial in defects)
        alarms = sum(not trial.right for trial in variants)
        return (
            f"{caught} of {len(defects)} defects refuted by the claim meant for them, "
            f"{alarms} false alarms in {len(variants)} harmless variants"
        )


class AuditedSentence(Struct, frozen=True):
    """A sentence of the plan that was tried, with the status that it is recorded with."""

    id: str
    sentence: str
    quote: str
    section: str
    expected: Status
    status: Status
    evidence: str
    workaround: str


class SentRequest(Struct, frozen=True):
    """A request of the gate, and how it ended."""

    request: Count
    """Its number in the run."""
    address: str
    auth: str
    stream: bool
    kind: str
    header: Texts
    """Its header lines of the rule, bytes escaped."""
    status: int | None
    """None where no reply came."""
    id: str | None
    """Of the reply, by which its row is known."""


class Requests(Struct, frozen=True):
    """What the gate sent."""

    sent: Count
    listed: tuple[SentRequest, ...]
    """The first few thousand."""
    run: str
    """Name of the run."""
    journal: str
    """File in which every request was noted before it was sent."""


class RuleBehaviour(Struct, frozen=True, kw_only=True):
    """What a backend does with the header where claims of the rule are refuted, as its answers show it."""

    summary: str
    """One sentence, which also stands among the evidence of a claim."""
    rule: str
    """What the rule does, an expression between backticks."""
    pattern: str = ""
    """What the backend does; empty where nothing explains every answer."""
    slip: str = ""
    """How that differs from the rule: a dot is accepted."""
    answers: Count
    """Headers whose stored value was seen; the explanation holds for each."""
    asked: Count = 0
    """Those of them that were sent to tell explanations apart."""
    candidates: Count = 0
    """Explanations that are left."""
    others: Texts = ()
    """The first few of them but the first."""
    contradicting: Texts = ()
    """Where nothing explains every answer: a smallest set that nothing explains."""


class Sections(Struct, kw_only=True, omit_defaults=True):
    """Further parts of a report by name; the JSON holds those that there are."""

    orders: Orders | None = None
    breaks: Table | None = None
    """Where unsafe orders first break, and what was seen there."""
    matrix: Table | None = None
    locks: Table | None = None
    traps: Table | None = None
    stalls: Table | None = None
    statements: Table | None = None
    timeline: Annotated[str, Meta(pattern=r"^(\s*<svg|$)")] = ""
    """The text of one SVG document: latency of writes over time."""
    selftest: SelfTest | None = None
    audit: tuple[AuditedSentence, ...] = ()
    requests: Requests | None = None
    behaviour: RuleBehaviour | None = None
