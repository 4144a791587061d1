"""Compares requests that send the header with controls of the same shape, where replies and rows vary by themselves.

What differs between two controls of one shape is volatile, for every shape, and says nothing. What is another in a
request with the header than in its control is suspected; that is believed only when it shows each time that the
request is sent again among controls, or so often that no accident explains it. Knows neither rows nor the rule.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Generic, NamedTuple, TypeVar

from harness.clients.shape import Shape
from harness.probing.features import HELD_IN, SHAPE, STATUS, Features, differing

Example = TypeVar("Example")

SHARE: Final = 50
"""One in so many is an accident that any network has."""
WAITING_MAX: Final = 5_000
"""Requests kept until a control of their shape has come."""
SHARE_LEAST: Final = 6
"""From so many strange repetitions on, and no strange control, a part of a fleet is another build."""


def is_rare(count: int, total: int) -> bool:
    """Whether so few of so many are an accident: one, or one in fifty."""
    return count <= max(1, total // SHARE)


class Suspect(NamedTuple, Generic[Example]):
    """A feature that was another with the header than without it."""

    shape: Shape
    feature: str
    usual: str | None
    """Its value without the header; None where it is not there."""
    strange: str | None
    example: Example
    """The lightest request that had a strange value."""
    times: int
    """Requests with a strange value, of all shapes."""


class Repeated(Enum):
    """What came of sending a suspect again among controls."""

    EACH_TIME = auto()
    OFTEN = auto()  # by a part of a fleet, or now and then: never without the header
    SOMETIMES = auto()
    NEVER = auto()
    VARIES = auto()  # and so do the controls
    UNCLEAR = auto()  # too few came


class _Strange(NamedTuple, Generic[Example]):
    usual: str | None
    value: str | None
    weight: int
    example: Example
    times: int


@dataclass(slots=True)
class _Baseline:
    """What the controls of one shape had."""

    statuses: Counter[str] = field(default_factory=Counter)
    served: int = 0
    usual: dict[str, str] = field(default_factory=dict)
    """Features of the first control that was served."""

    @property
    def is_known(self) -> bool:
        """Whether it is known how requests fare: one that had no reply may be an accident, two are not."""
        return self.statuses.total() > 1 or any(map(str.isdigit, self.statuses))


class Controls(Generic[Example]):
    """Gathers features, in bounded memory, and says which are suspected to depend on the header."""

    def __init__(self) -> None:
        self.volatile: set[str] = set()
        self.compared = 0
        """Requests with the header that were compared with a control."""
        self._baselines: dict[Shape, _Baseline] = {}
        self._waiting: dict[Shape, list[tuple[Features, int, Example]]] = {}
        self._waits = 0
        self._strange: dict[tuple[Shape, str], _Strange[Example]] = {}
        self._twice = False  # whether any shape had two controls: before that nobody knows what varies

    def enter_control(self, shape: Shape, features: Features) -> None:
        """Takes in a request without the header; a status in `features` counts, also where it was not served."""
        baseline = self._baselines.setdefault(shape, _Baseline())
        status = features.get(STATUS, "200")
        baseline.statuses[status] += 1
        if _is_served(status):
            self._learn(baseline, features)
        if not baseline.is_known:
            return
        waiting = self._waiting.pop(shape, [])
        self._waits -= len(waiting)
        for each in waiting:
            self.enter_probe(shape, *each)

    def _learn(self, baseline: _Baseline, features: Features) -> None:
        baseline.served += 1
        if baseline.served == 1:
            baseline.usual = dict(features)
            return
        self._twice = True
        self.volatile |= differing(features, baseline.usual, {STATUS})

    def enter_probe(self, shape: Shape, features: Features, weight: int, example: Example) -> bool:
        """Takes in a request with the header; whether it could be compared now, or will be once a control has come.

        One that fares as controls do now and then is no observation.
        """
        baseline = self._baselines.get(shape)
        if baseline is None or not baseline.is_known:
            if self._waits >= WAITING_MAX:
                return False
            self._waits += 1
            self._waiting.setdefault(shape, []).append((features, weight, example))
            return True
        usual, status = self.usual_status(shape), features.get(STATUS, "200")
        if status != usual and status in baseline.statuses:
            return False
        self.compared += 1
        if status != usual:
            self._note(shape, STATUS, usual, status, weight, example)
        elif _is_served(status):
            self._compare(shape, baseline, features, weight, example)
        return True

    def usual_status(self, shape: Shape) -> str | None:
        """The status of controls of a shape: of several, one that is served, then any reply, then the most frequent."""
        statuses = self._baselines[shape].statuses if shape in self._baselines else Counter[str]()
        if len(statuses) == 1:  # of nearly all
            return next(iter(statuses))
        return max(
            statuses,
            key=lambda status: (_is_served(status), status.isdigit(), statuses[status]),
            default=None,
        )

    @property
    def waiting(self) -> int:
        """Requests with the header of whose shape no control has come."""
        return self._waits

    @property
    def served(self) -> list[Shape]:
        """Shapes of which a control was served."""
        return [shape for shape, baseline in self._baselines.items() if baseline.served]

    @property
    def refused(self) -> dict[Shape, str]:
        """Shapes of which no request was served, with or without the header, with the status that they had."""
        return {
            shape: self.usual_status(shape) or ""
            for shape, baseline in self._baselines.items()
            if baseline.statuses and not baseline.served and (shape, STATUS) not in self._strange
        }

    def suspected(self) -> list[Suspect[Example]]:
        """What is to be tried again, one of each feature, the gravest first."""
        found: dict[tuple[str, bool], Suspect[Example]] = {}
        ordered = sorted(self._strange.items(), key=lambda each: each[1].weight)
        for (shape, feature), strange in ordered:
            if feature in self.volatile or (not self._twice and feature != STATUS):
                continue
            told = feature.removeprefix(HELD_IN)
            if told != feature and told not in self.volatile and (shape, told) in self._strange:
                continue  # by the feature itself
            key = (feature, strange.usual is not None and not _is_served(strange.usual) and feature == STATUS)
            known = found.get(key)
            times = strange.times + (known.times if known else 0)
            lightest = known or Suspect(shape, feature, strange.usual, strange.value, strange.example, 0)
            found[key] = lightest._replace(times=times)
        return sorted(found.values(), key=_gravity)

    def dismiss(self, feature: str) -> None:
        """Takes a feature for volatile from now on."""
        self.volatile.add(feature)

    def forget(self, suspect: Suspect[Example]) -> None:
        """Drops what was seen once of one shape and could not be seen again."""
        self._strange.pop((suspect.shape, suspect.feature), None)

    def unsteady(self) -> str | None:
        """How controls fared, where not nearly all of a shape fared alike; else None."""
        odd, total, text = 0, 0, Counter[str]()
        for shape, baseline in self._baselines.items():
            usual = self.usual_status(shape)
            strange = {status: count for status, count in baseline.statuses.items() if status != usual}
            odd += sum(strange.values())
            total += baseline.statuses.total()
            text.update(baseline.statuses)
        if is_rare(odd, total):
            return None
        return "replies to requests without the header: " + ", ".join(
            f"{status} to {count}" for status, count in text.most_common()
        )

    def _compare(
        self, shape: Shape, baseline: _Baseline, features: Features, weight: int, example: Example
    ) -> None:
        for name in differing(features, baseline.usual, self.volatile):
            self._note(shape, name, baseline.usual.get(name), features.get(name), weight, example)

    def _note(
        self, shape: Shape, name: str, usual: str | None, value: str | None, weight: int, example: Example
    ) -> None:
        known = self._strange.get((shape, name))
        if known is None or weight < known.weight:
            times = 1 if known is None else known.times + 1
            self._strange[shape, name] = _Strange(usual, value, weight, example, times)
        else:
            self._strange[shape, name] = known._replace(times=known.times + 1)


def repeated(
    suspect: Suspect[Example], probes: Sequence[Features], controls: Sequence[Features], least: int
) -> Repeated:
    """What the repetitions of a suspect and the controls among them say."""
    values = [each.get(suspect.feature) for each in probes]
    others = [each.get(suspect.feature) for each in controls]
    if min(len(values), len(others)) < least:
        return Repeated.UNCLEAR
    if any(value != suspect.usual for value in others):
        return Repeated.VARIES
    strange = sum(value != suspect.usual for value in values)
    if strange == len(values):
        return Repeated.EACH_TIME
    if strange >= SHARE_LEAST and len(others) >= len(values):
        return Repeated.OFTEN
    return Repeated.SOMETIMES if strange else Repeated.NEVER


def _is_served(status: str) -> bool:
    return status.startswith("2")


def _gravity(suspect: Suspect[Example]) -> tuple[int, int]:
    order = (STATUS, SHAPE)
    return (order.index(suspect.feature) if suspect.feature in order else len(order), -suspect.times)
