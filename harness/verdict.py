"""Claims, evidence, findings and the verdict over them. Pure: knows nothing of HTTP, Postgres or the plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
"""How many; a stored report with less than 0 is refused."""


class Status(StrEnum):
    """How a claim stands. Unknown never counts as good."""

    PROVEN = "proven"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What the release job is told."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> int:
        """0 GO, 1 NO-GO, 3 INCONCLUSIVE; 2 is kept for misuse of the command line."""
        return {Verdict.GO: 0, Verdict.NO_GO: 1, Verdict.INCONCLUSIVE: 3}[self]


class Method(StrEnum):
    """How a claim was judged."""

    EXHAUSTIVE = "exhaustive"  # all of a finite set
    COMPLETE = "complete"  # a conformance suite that is a proof within a stated bound
    SAMPLED = "sampled"  # n examples
    MEASURED = "measured"  # a quantity, with its unit


@dataclass(frozen=True, slots=True)
class Claim:
    """One testable sentence. `id` is never reused; `quote` and `section` point into the plan."""

    id: str
    sentence: str
    quote: str
    section: str
    least: int = 1
    """Fewest matched observations below which the claim is unknown, however good they look."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing seen that refutes a claim, with what a sceptic needs to see it again."""

    claim: str
    condition: str
    """What was done, in words: stage, build, kind of header."""
    effect: str
    """What was seen, against what was expected."""
    request: str = ""
    reply: str = ""
    row: str = ""
    replay: str = ""
    """A line to copy that shows it again."""
    workaround: str = ""
    weight: Count = 0
    """Size of the request, in bytes of the header; of many findings the lightest are kept."""
    times: Annotated[int, Meta(ge=1)] = 1
    """Observations with this effect, of which this finding is one."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A claim with its status and the evidence for it, its fields as they are in a report's JSON."""

    id: str
    sentence: str
    quote: str
    """The plan's words that the claim rests on."""
    section: str
    """Heading of the plan under which the quote stands."""
    status: Status
    method: Method
    observed: Count
    """Matched observations behind the status."""
    least: Count
    """Fewer observations are not enough for `proven`."""
    detail: str
    """The evidence in words: counts, bounds, units; or why it is unknown."""
    waived: str
    """The reason given for going on without this claim; every report shows it. Empty where it is not waived."""
    refuting: Count
    """Observations that refute; `findings` keeps only the first few."""
    findings: tuple[Finding, ...]

    @property
    def claim(self) -> Claim:
        """The claim that was judged."""
        return Claim(self.id, self.sentence, self.quote, self.section, self.least)


FINDINGS_KEPT = 5


@dataclass(slots=True)
class Results:
    """Collects what the checks saw, claim by claim; memory is bounded however many observations come.

    A claim with a finding is refuted. Otherwise it is unknown when something kept it from being judged
    (`inconclusive`) or when fewer than `Claim.least` observations were matched. Otherwise it is proven.
    """

    claims: tuple[Claim, ...]
    _ids: frozenset[str] = frozenset()
    _seen: dict[str, int] = field(default_factory=dict)
    _details: dict[str, dict[str, None]] = field(default_factory=dict)
    _methods: dict[str, Method] = field(default_factory=dict)
    _findings: dict[str, dict[str, Finding]] = field(default_factory=dict)
    _refuting: dict[str, int] = field(default_factory=dict)
    _lacking: dict[str, str] = field(default_factory=dict)
    _waived: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Knows the claims by their ids."""
        self._ids = frozenset(claim.id for claim in self.claims)

    def __contains__(self, claim: object) -> bool:
        """Whether a claim of this id is to be judged."""
        return claim in self._ids

    def observed(self, claim: str, count: int = 1) -> None:
        """Counts matched observations for a claim, good or bad."""
        self._known(claim)
        self._seen[claim] = self._seen.get(claim, 0) + count

    def refute(self, finding: Finding, alike: str = "") -> None:
        """Records one observation that refutes; the lightest few are kept whole, of equal weight the first.

        Those of one effect are folded into the lightest of them; `alike` is what makes others equal to it instead.
        """
        self._known(finding.claim)
        self._refuting[finding.claim] = self._refuting.get(finding.claim, 0) + 1
        kept = self._findings.setdefault(finding.claim, {})
        key = alike or finding.effect
        known = kept.get(key)
        if known is not None:
            lighter = finding if finding.weight < known.weight else known
            finding = replace(lighter, times=known.times + 1)
        kept[key] = finding
        if len(kept) > FINDINGS_KEPT:
            del kept[max(kept, key=lambda each: (kept[each].weight, list(kept).index(each)))]

    def inconclusive(self, claim: str, reason: str) -> None:
        """Says why a claim cannot be judged; the first reason stands."""
        self._known(claim)
        self._lacking.setdefault(claim, reason)

    def detail(self, claim: str, detail: str) -> None:
        """Adds a phrase to the evidence; the same phrase twice stands once."""
        self._known(claim)
        self._details.setdefault(claim, {})[detail] = None

    def method(self, claim: str, method: Method) -> None:
        """Says how a claim is judged; without it, on samples."""
        self._known(claim)
        self._methods[claim] = method

    def waive(self, claim: str, reason: str) -> None:
        """Goes on without a claim that stays unknown. A refuted claim cannot be waived."""
        self._known(claim)
        self._waived[claim] = reason

    def refuted(self, claim: str) -> bool:
        """Whether anything so far refutes the claim."""
        return bool(self._refuting.get(claim))

    def judgements(self) -> tuple[Judgement, ...]:
        """Every claim with its status, in the order the claims were given."""
        return tuple(self._judge(claim) for claim in self.claims)

    def _judge(self, claim: Claim) -> Judgement:
        seen = self._seen.get(claim.id, 0)
        phrases = list(self._details.get(claim.id, ()))
        if self.refuted(claim.id):
            status = Status.REFUTED
        elif claim.id in self._lacking:
            status = Status.UNKNOWN
            phrases.insert(0, self._lacking[claim.id])
        elif seen < claim.least:
            status = Status.UNKNOWN
            phrases.insert(0, shortage(seen, claim.least))
        else:
            status = Status.PROVEN
        return Judgement(
            id=claim.id,
            sentence=claim.sentence,
            quote=claim.quote,
            section=claim.section,
            status=status,
            method=self._methods.get(claim.id, Method.SAMPLED),
            observed=seen,
            least=claim.least,
            detail="; ".join(phrases),
            findings=tuple(
                sorted(self._findings.get(claim.id, {}).values(), key=lambda finding: finding.weight)
            ),
            refuting=self._refuting.get(claim.id, 0),
            waived=self._waived.get(claim.id, ""),
        )

    def _known(self, claim: str) -> None:
        if claim not in self._ids:
            raise KeyError(f"claim {claim!r} is not among those to be judged")


def shortage(seen: int, least: int) -> str:
    """Why a claim that nothing refutes is not proven: the detail begins so."""
    return f"saw {seen} matched observations, needs {least}"


def decide(judgements: Iterable[Judgement]) -> Verdict:
    """GO only if every claim is proven, or unknown and waived, and one at least proven; one refuted is NO-GO."""
    standing = list(judgements)
    if any(j.status is Status.REFUTED for j in standing):
        return Verdict.NO_GO
    if any(j.status is Status.UNKNOWN and not j.waived for j in standing):
        return Verdict.INCONCLUSIVE
    is_earned = any(j.status is Status.PROVEN for j in standing)
    return Verdict.GO if is_earned else Verdict.INCONCLUSIVE
