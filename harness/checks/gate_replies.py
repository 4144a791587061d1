"""Judges whether the header changes a reply, where replies vary by themselves. Knows neither rows nor the rule.

A reply is taken apart into features: its status, each header, the shape of its JSON. What differs between requests
without the header is volatile, whatever it is called, and says nothing. What is the same in all of them, and different
in a request with the header, is suspected; it is judged by sending that request again and again among others without.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from harness.checks.evidence import VOLATILE
from harness.clients.exchange import Outcome, Reply
from harness.target.asks import Answer

STATUS: Final = "status"
SHAPE: Final = "shape of the body"
BODY: Final = "body but for ids and times"
SERVED_LEAST: Final = 2
"""With fewer requests without the header nobody knows what varies by itself."""
VALUES_KEPT: Final = 20
"""Different values kept of one feature of requests with the header."""

Features = Mapping[str, str]


def is_rare(count: int, total: int) -> bool:
    """Whether so few of so many are an accident that any network has: one, or one in fifty."""
    return count <= max(1, total // 50)


def features(reply: Reply, *, whole_body: bool) -> dict[str, str]:
    """What can be compared between replies; `whole_body` where the upstream is known to answer the same each time."""
    if reply.status == 0:
        return {STATUS: "no reply" if reply.outcome is Outcome.TIMEOUT else "connection closed"}
    found = {STATUS: str(reply.status)}
    for name, value in reply.headers:
        key = f"header {name.decode('latin-1')}"
        text = value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    documents = list(reply.documents())
    found[SHAPE] = shape(documents) if documents else "no JSON"
    if whole_body:
        found[BODY] = repr([_steady(document) for document in documents])
    return found


def shape(documents: Iterable[object]) -> str:
    """Which members there are and of what types, in all documents taken together; null is of any type."""
    return " ".join(sorted(set(_paths(list(documents), ""))))


@dataclass(frozen=True, slots=True)
class Suspect:
    """A feature that is the same in all requests without the header, and was another in some with it."""

    cell: tuple[str, bool]
    feature: str
    usual: str | None
    """Its value without the header; None where it is not there."""
    strange: str | None
    example: Answer
    """The lightest request that had the strange value."""
    count: int
    """Requests with a strange value."""


class Outcomes(Enum):
    """What came of sending a suspect again."""

    EACH_TIME = auto()
    SOMETIMES = auto()
    NEVER = auto()
    VARIES = auto()  # and so do the replies without the header
    UNCLEAR = auto()  # too few came


@dataclass(slots=True)
class _Cell:
    """What was seen of requests that are signed alike and stream alike."""

    statuses: Counter[str] = field(default_factory=Counter)
    """Of requests without the header."""
    probes: int = 0
    """Requests with it that were compared."""
    served: int = 0
    values: dict[str, Counter[str]] = field(default_factory=dict)
    """Of the served ones: each feature, and how often it had which value."""
    strange: dict[str, dict[str | None, tuple[int, Answer]]] = field(default_factory=dict)

    @property
    def odd(self) -> int:
        """How many had another status than most."""
        return self.statuses.total() - max(self.statuses.values(), default=0)

    def is_steady(self, feature: str) -> bool:
        """Whether all requests without the header had one value of it, or all had none; of statuses, nearly all."""
        if feature == STATUS:
            return is_rare(self.odd, self.statuses.total())
        values = self.values.get(feature)
        return values is None or (len(values) == 1 and values.total() == self.served)

    def usual(self, feature: str) -> str | None:
        """The value of a steady feature."""
        if feature == STATUS:
            return max(
                self.statuses, key=lambda status: (_is_served(status), self.statuses[status]), default=None
            )
        return next(iter(self.values.get(feature, ())), None)


class ReplyLedger:
    """Gathers features of replies, in bounded memory, and says which are suspected to depend on the header."""

    def __init__(self) -> None:
        self.whole_body = False
        """Whether bodies are compared, not only their shape."""
        self._cells: dict[tuple[str, bool], _Cell] = {}

    def enter(self, answer: Answer) -> bool:
        """Takes in a reply; whether it could be compared: a twin without the header was served before."""
        cell = self._cells.setdefault(answer.ask.cell, _Cell())
        found = features(answer.reply, whole_body=self.whole_body)
        if answer.ask.control:
            _enter_control(cell, found)
            return True
        if found[STATUS] in cell.statuses and found[STATUS] != cell.usual(STATUS):
            return False  # its twins fare no better now and then
        if cell.served:
            cell.probes += 1
            _enter_probe(cell, found, answer)
        return bool(cell.served)

    def suspects(self) -> list[Suspect]:
        """What is to be tried again, the gravest first."""
        found = [
            _suspect(key, feature, cell)
            for key, cell in self._cells.items()
            for feature, strange in cell.strange.items()
            if strange and cell.is_steady(feature) and cell.served >= SERVED_LEAST
        ]
        return sorted((one for one in found if one is not None), key=_gravity)

    def unsteady(self) -> str | None:
        """How requests without the header fared, where not nearly all fared alike or too few did; else None."""
        for (auth, stream), cell in self._cells.items():
            if not cell.is_steady(STATUS) or (cell.probes and cell.served < SERVED_LEAST):
                told = (
                    ", ".join(f"{status} to {count}" for status, count in cell.statuses.most_common())
                    or "none"
                )
                return f"replies to requests without the header ({auth}{', streaming' * stream}): {told}"
        return None

    def outcome(self, suspect: Suspect, again: Sequence[Answer], least: int) -> Outcomes:
        """What the repetitions say; they must have been entered, with their controls."""
        values, controls = (
            [
                features(answer.reply, whole_body=self.whole_body).get(suspect.feature)
                for answer in again
                if answer.ask.control is control and answer.reply.status != 429
            ]
            for control in (False, True)
        )
        if min(len(values), len(controls)) < least:
            return Outcomes.UNCLEAR
        if set(controls) != {suspect.usual}:
            return Outcomes.VARIES
        strange = sum(value != suspect.usual for value in values)
        if strange == len(values):
            return Outcomes.EACH_TIME
        return Outcomes.SOMETIMES if strange else Outcomes.NEVER


def _is_served(status: str) -> bool:
    return status.startswith("2")


def _enter_control(cell: _Cell, found: Features) -> None:
    cell.statuses[found[STATUS]] += 1
    if _is_served(found[STATUS]):
        cell.served += 1
        for feature, value in found.items():
            values = cell.values.setdefault(feature, Counter())
            if value in values or len(values) < 2:  # two values are as good as many: it is volatile
                values[value] += 1


def _enter_probe(cell: _Cell, found: Features, answer: Answer) -> None:
    names = {STATUS}
    if _is_served(found[STATUS]) and found[STATUS] == cell.usual(STATUS):
        names = {*found, *cell.values}  # else whatever else differs follows from the status
    for name in names:
        value = found.get(name)
        if not cell.is_steady(name) or value == cell.usual(name):
            continue
        strange = cell.strange.setdefault(name, {})
        count, lightest = strange.get(value, (0, answer))
        if count or len(strange) < VALUES_KEPT:
            strange[value] = (count + 1, min(lightest, answer, key=_weight))


def _suspect(key: tuple[str, bool], feature: str, cell: _Cell) -> Suspect | None:
    usual = cell.usual(feature)
    strange = {value: told for value, told in cell.strange[feature].items() if value != usual}
    if not strange:
        return None
    value, (_, example) = min(strange.items(), key=lambda one: _weight(one[1][1]))
    return Suspect(key, feature, usual, value, example, sum(count for count, _ in strange.values()))


def _gravity(suspect: Suspect) -> tuple[int, int]:
    order = (STATUS, SHAPE, BODY)
    return (order.index(suspect.feature) if suspect.feature in order else len(order), -suspect.count)


def _weight(answer: Answer) -> int:
    return sum(map(len, answer.ask.probe.lines))


def _steady(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in sorted(document) if key not in VOLATILE}


def _paths(value: object, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"{path}{{}}"
        for key, member in value.items():
            yield from _paths(member, f"{path}.{key}")
    elif isinstance(value, list):
        yield f"{path}[]"
        for member in value:
            yield from _paths(member, f"{path}[]")
    elif value is not None:
        kind = (
            "number"
            if isinstance(value, int | float) and not isinstance(value, bool)
            else type(value).__name__
        )
        yield f"{path}:{kind}"
