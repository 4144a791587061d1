"""Which stages and steps stand for others, where many replicas run the same: what is run of them, and what that shows.

Theory. Replicas of one version are the same program on the same database. If they share nothing else, what a request
meets depends on the schema, on its replica's version, and on which versions run beside it: on the set of versions, not
on how many replicas run each. One stage of each such set is run, one replica of each version is probed, and what is
seen there holds for the others. That replicas share nothing is assumed; where every stage is run by how many replicas
are `after`, all of them probed, it is checked. Two replicas are too few for any of it.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from harness.stages.model import Stage, StageModel, Transition, after
from harness.stages.orders import Survey
from harness.stages.steps import Version

ALL_RUN_MAX: Final = 2
"""So many replicas at most, and every stage is run."""
ASSUMED: Final = (
    "one replica of each version is probed, and one stage of each set of versions run: that replicas share nothing is"
    " assumed, and checked at level exhaustive"
)

Member = TypeVar("Member", Stage, Transition)


class Sharing(NamedTuple):
    """What one stage stands for: those of the same key."""

    model: StageModel
    counted: bool
    """Whether how many replicas are `after` makes a difference, or only which versions there are."""

    @property
    def applies(self) -> bool:
        """Whether stages stand for others at all."""
        return self.model.replicas > ALL_RUN_MAX

    @property
    def assumption(self) -> str:
        """What is assumed; empty where nothing is."""
        return ASSUMED if self.applies and not self.counted else ""

    def stage_key(self, stage: Stage) -> Hashable:
        """What two stages have in common of which one is run."""
        if not self.applies:
            return stage
        versions = sorted(stage.replicas) if self.counted else sorted(set(stage.replicas))
        return (stage.schema, tuple(versions), stage.extension_released)

    def transition_key(self, taken: Transition) -> Hashable:
        """What two transitions have in common of which one is taken."""
        stage, step = taken
        if not self.applies:
            return taken
        return (self.stage_key(stage), step.action, step.name, self.stage_key(after(stage, step)))

    def representatives(self, survey: Survey) -> Survey:
        """One stage and one transition of each key, the first in which `after` replicas come first."""
        return Survey(
            survey.orders,
            _firsts(survey.stages, self.stage_key, lambda stage: stage),
            _firsts(survey.transitions, self.transition_key, lambda taken: taken[0]),
        )

    def probed(self, replicas: Sequence[Version]) -> frozenset[int]:
        """The replicas that are probed, counted from 0: all, or the first of each version."""
        if not self.applies or self.counted:
            return frozenset(range(len(replicas)))
        return frozenset(map(replicas.index, set(replicas)))


def _firsts(
    members: Iterable[Member], key: Callable[[Member], Hashable], stage_of: Callable[[Member], Stage]
) -> tuple[Member, ...]:
    chosen: dict[Hashable, Member] = {}
    every = tuple(members)
    for member in sorted(every, key=lambda member: not _is_sorted(stage_of(member))):
        chosen.setdefault(key(member), member)
    kept = set(chosen.values())
    return tuple(member for member in every if member in kept)


def _is_sorted(stage: Stage) -> bool:
    return list(stage.replicas) == sorted(stage.replicas)
