"""The report as an object and as JSON (`harness.report/1`). Every other format renders this one. Pure.

Fields of the JSON are stable within version 1: new ones may be added, none is renamed or dropped. README has the list.
"""

import json
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from harness.report.escape import masked
from harness.verdict import Judgement, Verdict, decide

SCHEMA: Final = "harness.report/1"


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

    @property
    def verdict(self) -> Verdict:
        """What follows from the judgements."""
        return decide(self.judgements)


def harness_version() -> str:
    """Version of the installed package; `unknown` when it runs from a checkout that is not installed."""
    try:
        return version("rollout-harness")
    except PackageNotFoundError:
        return "unknown"


def to_json(report: Report) -> str:
    """The report as JSON text with a final newline, keys in a fixed order, secrets masked."""
    document = {
        "schema": SCHEMA,
        "harness": harness_version(),
        "verdict": str(report.verdict),
        "command": report.command,
        "seed": report.seed,
        "level": report.level,
        "policy": report.policy,
        "server": report.server,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "plan": list(report.plan),
        "remarks": list(report.remarks),
        "claims": [_claim(judgement) for judgement in report.judgements],
        **report.sections,
    }
    return masked(json.dumps(document, indent=2, ensure_ascii=True)) + "\n"


def _claim(judgement: Judgement) -> dict[str, Any]:
    claim = judgement.claim
    return {
        "id": claim.id,
        "sentence": claim.sentence,
        "quote": claim.quote,
        "section": claim.section,
        "status": str(judgement.status),
        "method": str(judgement.method),
        "observed": judgement.observed,
        "least": claim.least,
        "detail": judgement.detail,
        "waived": judgement.waived,
        "refuting": judgement.refuting,
        "findings": [asdict(finding) for finding in judgement.findings],
    }
