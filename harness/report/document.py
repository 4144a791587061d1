"""The report as an object and as JSON (`harness.report/1`). Every other format renders this one. Pure.

Fields are stable within version 1: new ones may be added, none is renamed, dropped or given another meaning.

==============  ========================================================================================
schema          `harness.report/1`
harness         version of the harness that judged
verdict         `GO`, `NO-GO` or `INCONCLUSIVE`; follows from `claims`
consequence     what a NO-GO means for whoever would deploy, one or two sentences; empty where there is none
label           the user's own words for the run
subject         what is rolled out: the name of the header
command         the command line that repeats the run, secrets masked
target          what was judged, in words: the reference, or a URL and its database
server          kind and version of the Postgres
policy          name of the header rule
level           how much was sent
seed            seed of everything random
started         UTC, ISO 8601
seconds         how long the run took
inputs          list of {name, sha256}: every file that the verdict depends on (migrations, queries, the rule)
plan            what the run did, a line for each step
remarks         what a reader should know beside the claims; none changes the verdict
judged_by       the list that it was judged by, below; null in reports of the first edition
claims          list of claims, below
sections        further parts by name, below; each may be missing
==============  ========================================================================================

`judged_by`: command, scope (a build, the parts of a rehearsal) and claims, each with id, sentence, required and whose
(`harness` or `user`); reading a stored report holds it to that list.

A claim: id, sentence, quote and section (of the plan), status (`proven`, `refuted`, `unknown`), method (`exhaustive`,
`complete`, `sampled`, `measured`), observed (matched observations), least (fewer are not enough), detail, waived (the
reason, or empty), refuting (observations that refute), findings (the lightest few). A finding: claim, condition,
effect, request, reply, row, replay (a command line), workaround, weight (bytes of the header sent), times
(observations of this effect).

Sections that are drawn: `orders`, `timeline` (the text of an SVG), `selftest`, `audit`, `requests`; `sections` says
what they hold. Others are shown as they are.
"""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Self, TypeVar, cast

from harness.errors import UsageError
from harness.plan import HEADER
from harness.report.escape import masked
from harness.verdict import Claim, Finding, Judgement, Method, Status, Verdict, decide

SCHEMA: Final = "harness.report/1"


def harness_version() -> str:
    """Version of the installed package; `unknown` when it runs from a checkout that is not installed."""
    try:
        return version("rollout-harness")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Input:
    """A file that the verdict depends on."""

    name: str
    """Path below the harness's own folder, with slashes: `sql/migrations/0000_baseline.sql`."""
    sha256: str
    """Hexadecimal."""


@dataclass(frozen=True, slots=True)
class Required:
    """A claim in the list that a report was judged by."""

    id: str
    sentence: str
    required: bool = True
    whose: str = "harness"
    """`harness`, or `user`."""


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """What a report was judged by: the command with its scope, and each claim."""

    command: str
    scope: tuple[str, ...]
    """What of the command says which claims there are, beside the level: a build, the parts of a rehearsal."""
    claims: tuple[Required, ...]

    @classmethod
    def of(cls, command: str, scope: Iterable[str], judgements: Iterable[Judgement]) -> Self:
        """The list of a report that the harness makes."""
        claims = (Required(each.claim.id, each.claim.sentence) for each in judgements)
        return cls(command, tuple(scope), tuple(claims))


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did and what came of it."""

    command: str
    """The command line that repeats the run, secrets masked."""
    seed: int
    level: str
    policy: str
    server: str
    """Kind and version of the Postgres used."""
    started: str
    """UTC, ISO 8601."""
    seconds: float
    judgements: tuple[Judgement, ...]
    plan: tuple[str, ...] = ()
    """What the run did, in order: a line for each step."""
    remarks: tuple[str, ...] = ()
    """What a reader should know beside the claims; none of it changes the verdict."""
    sections: dict[str, Any] = field(default_factory=dict)
    """Further parts by name, each JSON as it is."""
    target: str = ""
    """What was judged, in words; empty where it is the reference."""
    inputs: tuple[Input, ...] = ()
    subject: str = HEADER
    """What is rolled out."""
    harness: str = field(default_factory=harness_version)
    """Version that judged, which need not be the one that renders."""
    consequence: str = ""
    """What a NO-GO means for whoever would deploy; stands first."""
    label: str = ""
    """The user's own words for the run."""
    judged_by: JudgedBy | None = None
    """None in reports of the first edition."""

    @property
    def verdict(self) -> Verdict:
        """What follows from the judgements."""
        return decide(self.judgements)


def to_json(report: Report) -> str:
    """The report as JSON text with a final newline, ASCII only, keys in a fixed order, secrets masked."""
    told = cleaned(report)
    document = {
        "schema": SCHEMA,
        "harness": told.harness,
        "verdict": told.verdict,
        "consequence": told.consequence,
        "label": told.label,
        "subject": told.subject,
        "command": told.command,
        "target": told.target,
        "server": told.server,
        "policy": told.policy,
        "level": told.level,
        "seed": told.seed,
        "started": told.started,
        "seconds": round(told.seconds, 3),
        "inputs": [asdict(each) for each in told.inputs],
        "plan": told.plan,
        "remarks": told.remarks,
        "judged_by": None if told.judged_by is None else asdict(told.judged_by),
        "claims": [_written(judgement) for judgement in told.judgements],
        "sections": told.sections,
    }
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False, default=str) + "\n"


def _written(judgement: Judgement) -> dict[str, Any]:
    claim = judgement.claim
    return {
        "id": claim.id,
        "sentence": claim.sentence,
        "quote": claim.quote,
        "section": claim.section,
        "status": judgement.status,
        "method": judgement.method,
        "observed": judgement.observed,
        "least": claim.least,
        "detail": judgement.detail,
        "waived": judgement.waived,
        "refuting": judgement.refuting,
        "findings": [asdict(finding) for finding in judgement.findings],
    }


def from_json(text: str) -> Report:
    """The report that a text of `to_json` holds, also one of a later harness with fields that are unknown here.

    Raises UsageError for another schema, a missing field, and a verdict that does not follow from the claims.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"this is no JSON: {error}; name a file that --json has written") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise UsageError(f"schema {schema!r} is not {SCHEMA}; name a file that --json has written")
    try:
        report = _read(document)
    except KeyError as error:
        raise UsageError(f"the report has no field {error}; write it again with --json") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"the report is damaged: {error}; write it again with --json") from None
    if document.get("verdict") != report.verdict:
        raise UsageError(
            f"the report says {document.get('verdict')!r}, but {report.verdict} follows from its claims: "
            "it was changed since; write it again with --json"
        )
    return report


def _read(document: dict[str, Any]) -> Report:
    return Report(
        command=str(document["command"]),
        seed=int(document["seed"]),
        level=str(document["level"]),
        policy=str(document["policy"]),
        server=str(document["server"]),
        started=str(document["started"]),
        seconds=float(document["seconds"]),
        judgements=tuple(_read_claim(claim) for claim in document["claims"]),
        plan=_lines(document["plan"]),
        remarks=_lines(document["remarks"]),
        sections=dict(document.get("sections", {})),
        target=str(document.get("target", "")),
        inputs=tuple(Input(str(one["name"]), str(one["sha256"])) for one in document.get("inputs", ())),
        subject=str(document.get("subject", "")),
        harness=str(document["harness"]),
        consequence=str(document.get("consequence", "")),
        label=str(document.get("label", "")),
        judged_by=_read_judged_by(document.get("judged_by")),
    )


def _read_judged_by(given: dict[str, Any] | None) -> JudgedBy | None:
    if given is None:
        return None
    claims = tuple(
        Required(str(each["id"]), str(each["sentence"]), bool(each["required"]), str(each["whose"]))
        for each in given["claims"]
    )
    return JudgedBy(str(given["command"]), _lines(given["scope"]), claims)


def _read_claim(claim: dict[str, Any]) -> Judgement:
    return Judgement(
        claim=Claim(
            id=str(claim["id"]),
            sentence=str(claim["sentence"]),
            quote=str(claim["quote"]),
            section=str(claim["section"]),
            least=int(claim["least"]),
        ),
        status=Status(claim["status"]),
        method=Method(claim["method"]),
        observed=int(claim["observed"]),
        detail=str(claim["detail"]),
        findings=tuple(_read_finding(finding) for finding in claim["findings"]),
        refuting=int(claim["refuting"]),
        waived=str(claim["waived"]),
    )


def _read_finding(finding: dict[str, Any]) -> Finding:
    numbers = ("weight", "times")
    words = {each.name: str(finding[each.name]) for each in fields(Finding) if each.name not in numbers}
    return Finding(**words, weight=int(finding["weight"]), times=int(finding.get("times", 1)))


def _lines(value: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(line) for line in value)


_T = TypeVar("_T")


def cleaned(value: _T, mask: Callable[[str], str] = masked) -> _T:
    """The same without secrets in any of its texts; numbers that JSON cannot hold become None."""
    return cast("_T", _cleaned(value, mask))


def _cleaned(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return value if isinstance(value, Enum) else mask(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _cleaned(each, mask) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_cleaned(each, mask) for each in value)
    if isinstance(value, list):
        return [_cleaned(each, mask) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{each.name: _cleaned(getattr(value, each.name), mask) for each in fields(value)}
        )
    return value
