"""What the drawn sections of a report hold, as objects: orders, the plan audit, the self-test. Pure."""

from dataclasses import dataclass

from harness.verdict import Status


@dataclass(frozen=True, slots=True)
class Move:
    """A step that is legal in a state, and where it leads."""

    start: str
    step: str
    to: str
    roll_back: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """One of the machines that a stage is a product of; its first state is where the rollout starts."""

    name: str
    states: tuple[str, ...]
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A stage as it was seen. `harm` is a word each for where harm was seen: `stage`, or a step taken there."""

    schema: str
    replicas: tuple[str, ...]
    extension: str
    seen: bool
    harm: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Orders:
    """The section `orders`: what was enumerated, stood up and taken, and what follows from it."""

    counts: tuple[str, ...]
    """What was covered, a phrase each."""
    rule: str
    """The derived rule in words; empty where a level stands up too little to derive one."""
    beside_the_plan: str
    unsafe: tuple[str, ...]
    """The shortest way to harm as a numbered tree with its evidence, a line each."""
    forbidden: tuple[str, ...]
    """Where harm was seen, in words."""
    mermaid: str
    """The machines as the text of a Mermaid state diagram."""
    machines: tuple[Machine, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Audited:
    """One item of the section `audit`: a sentence of the plan that was tried, with what was expected of it."""

    id: str
    sentence: str
    quote: str
    section: str
    status: Status
    expected: Status
    evidence: str
    workaround: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One row of the self-test: a faulty build with the claim that is meant to refute it, or a harmless variant."""

    name: str
    words: str
    meant: str
    """Id of the claim; empty for a variant."""
    verdict: str
    refuted: tuple[str, ...]
    """Ids of the claims that were refuted."""
    right: bool
    """A defect refuted by the claim meant for it, a variant by none."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The section `selftest`: `{"claims": [id], "trials": [Trial]}`."""

    claims: tuple[str, ...]
    trials: tuple[Trial, ...]

    @property
    def defects(self) -> tuple[Trial, ...]:
        """Trials that must end in NO-GO."""
        return tuple(trial for trial in self.trials if trial.meant)

    @property
    def variants(self) -> tuple[Trial, ...]:
        """Trials that must end in GO."""
        return tuple(trial for trial in self.trials if not trial.meant)

    @property
    def words(self) -> str:
        """Both rates, with their counts."""
        killed = sum(trial.right for trial in self.defects)
        alarms = sum(not trial.right for trial in self.variants)
        return (
            f"{killed} of {len(self.defects)} defects refuted by the claim meant for them, "
            f"{alarms} false alarms in {len(self.variants)} harmless variants"
        )
