"""What a backend does with the header, where it is not what the rule says: the behaviour that explains every answer.

Single slips are tried first, then pairs of them, then a pattern that is read off the answers. A candidate is dropped
at the first answer that contradicts it. A further round of headers, if it can be sent, tells the candidates that are
left apart; where none is left, the smallest set of answers that none explains is what can be said.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from harness.rule.behaviour import HeaderBehaviour, Lines, PlacedOperation, behaviour_of, function_of, reader
from harness.rule.behaviour_operations import Matching
from harness.rule.edit import Edit
from harness.rule.edits import edits
from harness.rule.explanation import Answer, Answers, Candidate, RuleExplanation, opposed, size_of
from harness.rule.inferred import inferred_trees
from harness.rule.operations import in_order
from harness.rule.policy import Policy
from harness.rule.telling import further_headers, telling_headers
from harness.rule.telling_apart import characters_of, contradicting, distinct, side_by_side, telling_round
from harness.rule.trees import is_ambiguous

_Result = TypeVar("_Result", covariant=True)
_Steps = Generator[Sequence[Lines], Answers, _Result]

SHORTEST: Final = 3
"""Disagreements of which one half of a pair must explain one."""
PAIRS_MAX: Final = 20_000
"""Pairs that are tried before the answers are taken for inexplicable."""
SLOW_PAIRS_MAX: Final = 500
CANDIDATES_MAX: Final = 40
AGAIN_MAX: Final = 8
"""Headers that are sent again before more than single slips are searched."""
FURTHER_MAX: Final = 2_000
"""Headers of a round from which a pattern is read."""


READ_OFF: Final = "no slip of the catalogue, but read off the answers"
LISTED: Final = "of the values that were sent these alone are stored, which other explanations fit as well"


class Explaining:
    """The search step by step, for who cannot wait for answers within it: each step says which headers to send."""

    def __init__(self, policy: Policy, answers: Answers) -> None:
        self.explanation: RuleExplanation | None = None
        """What came of it, when no headers are wanted any more; None where the rule explains every answer."""
        self._steps = _Search(behaviour_of(policy), list(dict.fromkeys(answers))).explained()
        self._begun = False

    def advance(self, answers: Answers) -> Sequence[Lines]:
        """Goes on with the answers to the headers before, as many as there are; the next, none at the end."""
        try:
            headers = self._steps.send(answers) if self._begun else next(self._steps)
        except StopIteration as ended:
            self.explanation = ended.value
            return ()
        self._begun = True
        return headers


@dataclass(slots=True)
class _Search:
    rule: HeaderBehaviour
    answers: list[Answer]
    asked: int = 0
    edits: list[Edit] = field(default_factory=list)
    first: list[Answer] = field(default_factory=list)
    """The answers in the order in which candidates are held to them: those that refuted one move to the front."""
    disagreeing: list[Answer] = field(default_factory=list)

    def explained(self) -> _Steps[RuleExplanation | None]:
        """Runs the search; yields headers to be sent, and is given their answers."""
        self._sort()
        if not self.disagreeing:
            return None
        if (both := opposed(self.answers)) is not None:
            return RuleExplanation(self.rule, (), len(self.answers), 0, both)
        found = self._found(self._singles())
        if not found:
            # A backend whose replicas differ is explained by nothing, which a header sent again tells at once.
            yield from self._ask([lines for lines, _ in self.disagreeing[:AGAIN_MAX]], again=True)
            if (both := opposed(self.answers)) is not None:
                return RuleExplanation(self.rule, (), len(self.answers), self.asked, both)
            found = self._found(self._slips())
        read_off = not found
        if read_off:
            yield from self._ask(
                further_headers(self.rule, [lines for lines, value in self.answers if value is not None])[
                    :FURTHER_MAX
                ]
            )
            found = self._found(self._patterns())
        found = yield from self._told_apart(found, read_off)
        if not found:
            found = (
                self._found(self._patterns()) or self._found(self._slips()) or self._found(self._all_pairs())
            )
        if found:
            return RuleExplanation(self.rule, distinct(found), len(self.answers), self.asked)
        return RuleExplanation(self.rule, (), len(self.answers), self.asked, self._contradicting())

    def _sort(self) -> None:
        right = self.rule.function()
        self.disagreeing = sorted((each for each in self.answers if right(each[0]) != each[1]), key=size_of)
        units = {unit for (lines, _) in self.disagreeing for unit in b"".join(lines)}
        # Of classes only what stands in a header that disagrees: every other slip is seen in headers that agree.
        self.edits = [
            edit for edit in edits(self.rule, every_byte=True) if edit.unit is None or edit.unit in units
        ]
        rest = set(self.disagreeing)
        self.first = [*self.disagreeing, *(each for each in self.answers if each not in rest)]

    def _fits(self, behaviour: HeaderBehaviour) -> bool:
        stored = function_of(behaviour)
        if stored is None:
            return False
        for at, (lines, value) in enumerate(self.first):
            if stored(lines) != value:
                if at > 0:
                    self.first.insert(at // 2, self.first.pop(at))
                return False
        return True

    def _found(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those that fit of the kind that comes first; a behaviour once."""
        fitting = {}
        for candidate in candidates:
            if candidate.behaviour not in fitting and self._fits(candidate.behaviour):
                fitting[candidate.behaviour] = candidate
                if len(fitting) >= CANDIDATES_MAX:
                    break
        return list(fitting.values())

    def _slips(self) -> Iterator[Candidate]:
        singles = self._singles()
        if fitting := self._found(singles):
            yield from fitting
            return
        partial = []
        for edit, behaviour in self._changed():
            stored = function_of(behaviour)
            if stored is not None and any(
                stored(lines) == value for lines, value in self.disagreeing[:SHORTEST]
            ):
                partial.append((edit, behaviour))
        yield from islice(self._pairs(partial), self._most_pairs())

    def _singles(self) -> list[Candidate]:
        return [Candidate(edit.sentence, behaviour) for edit, behaviour in self._changed()]

    def _changed(self) -> Iterator[tuple[Edit, HeaderBehaviour]]:
        for edit in self.edits:
            behaviour = edit.change(self.rule)
            if behaviour is not None and behaviour != self.rule:
                yield edit, behaviour

    def _pairs(self, halves: Iterable[tuple[Edit, HeaderBehaviour]]) -> Iterator[Candidate]:
        """Each with each slip, both ways round."""
        for one, behaviour in halves:
            for other in self.edits:
                if other is one:
                    continue
                sentence = f"{one.sentence}, and {other.sentence}"
                both = other.change(behaviour)
                if both is not None and both != behaviour:
                    yield Candidate(sentence, both)
                alone = other.change(self.rule)
                reverse = None if alone is None else one.change(alone)
                if reverse is not None and reverse not in (both, alone):
                    yield Candidate(sentence, reverse)

    def _all_pairs(self) -> Iterator[Candidate]:
        """Also those of which neither half explains anything by itself; of classes the edges only."""
        self.edits = list(edits(self.rule))
        return islice(self._pairs(self._changed()), self._most_pairs())

    def _most_pairs(self) -> int:
        """Each takes a machine of its own where the rule's expression is ambiguous."""
        slow = any(
            isinstance(operation, Matching) and is_ambiguous(operation.tree)
            for _, operation in self.rule.operations
        )
        return SLOW_PAIRS_MAX if slow else PAIRS_MAX

    def _patterns(self) -> Iterator[Candidate]:
        """The rule with its expression replaced by one that is read off the answers."""
        operations = self.rule.operations
        at = next(
            (at for at, each in enumerate(operations) if isinstance(each.operation, Matching)),
            len(operations),
        )
        before = [each.operation.function() for each in operations[:at]]
        read = reader(self.rule.reading)
        taken = []
        for lines, value in self.answers:
            text = read(lines)
            given = None if not text else in_order(before, text)
            if given is not None:
                taken.append((given, value is not None))
        right = self.rule.function()
        # A list of what was stored explains what is missing; of what is there besides, it says nothing.
        lacks = any(value is None and right(lines) is not None for lines, value in self.disagreeing)
        for tree, is_list in inferred_trees(taken, characters_of(self.rule)):
            if is_list and not lacks:
                continue
            place = operations[at].place if at < len(operations) else len(operations)
            changed = (*operations[:at], PlacedOperation(place, Matching(tree)), *operations[at + 1 :])
            yield Candidate(LISTED if is_list else READ_OFF, self.rule._replace(operations=changed))

    def _ask(self, headers: Sequence[Lines], *, again: bool = False) -> _Steps[None]:
        known = {lines for lines, _ in self.answers}
        fresh = [lines for lines in dict.fromkeys(headers) if again or lines not in known]
        answers = (yield fresh) if fresh else ()
        self.asked += len(answers)
        self.answers = list(dict.fromkeys((*self.answers, *answers)))
        if answers:
            self._sort()

    def _told_apart(self, candidates: list[Candidate], read_off: bool) -> _Steps[list[Candidate]]:
        """Those that are left after headers on which they differ, from each other or from one slip more.

        A pattern that was read off the answers is held to more headers, which nothing chose in its favour.
        """
        if not candidates:
            return candidates
        headers = telling_round([candidate.behaviour for candidate in candidates])
        if read_off:
            pool = telling_headers(candidates[0].behaviour)
            headers += (*side_by_side(candidates[0].behaviour), *pool[:: len(pool) // FURTHER_MAX + 1])
        yield from self._ask(headers)
        return [candidate for candidate in candidates if self._fits(candidate.behaviour)]

    def _contradicting(self) -> tuple[Answer, ...]:
        """Of single slips and patterns, by the answers that disagree and some of the others."""
        candidates = [
            *(each.behaviour for each in self._singles()),
            *(each.behaviour for each in self._patterns()),
            self.rule,
        ]
        answers = [
            *self.disagreeing[:200],
            *self.first[len(self.disagreeing) :][:200],
            *self.disagreeing[200:400],
        ]
        return contradicting(candidates, answers)
