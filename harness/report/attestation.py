"""A gate's report as an in-toto statement: what was tested on which build, for whatever reads attestations. Pure.

Source: https://in-toto.io/Statement/v1 and https://in-toto.io/attestation/test-result/v0.1. Both ask consumers to
ignore fields that they do not know; those that begin with `harness_` are ours.
"""

import json
import re
from typing import Any, Final

from harness.errors import UsageError
from harness.report.document import JudgedBuild, Report, to_json
from harness.verdict import Judgement, Status, Verdict

STATEMENT: Final = "https://in-toto.io/Statement/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
REPORT_FIELD: Final = "harness_report"
"""Holds the whole report, so that one file travels."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def build_name(text: str) -> str | None:
    """How a build is written: a commit in 40 hexadecimal digits, or `sha256:` with 64; None for what is neither.

    A part of a commit names others, too, some day.
    """
    text = text.strip().lower()
    if _COMMIT.fullmatch(text):
        return text
    digest = _DIGEST.fullmatch(text)
    return f"sha256:{digest[1]}" if digest else None


def named_build(text: str) -> str:
    """A build that a user has named. Raises UsageError for what names none for certain."""
    build = build_name(text)
    if build is None:
        raise UsageError(
            f"{text!r} is no whole commit (40 hexadecimal digits) and no digest (sha256: and 64); give git rev-parse "
            "HEAD, or the digest of the image"
        )
    return build


def statement_of(report: Report, deployed: JudgedBuild) -> dict[str, Any]:
    """The statement, as what `json.dumps` takes: the deployed build is its subject, each claim a test by its id.

    Claims that are unknown are under none of the test results: they neither passed, nor failed, nor warned of anything.
    """
    algorithm, _, hexadecimal = deployed.build.rpartition(":")
    return {
        "_type": STATEMENT,
        "subject": [{"name": report.target, "digest": {algorithm or "gitCommit": hexadecimal}}],
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": "PASSED" if report.verdict is Verdict.GO else "FAILED",
            "configuration": [
                {"name": "rollout", "digest": {"sha256": report.rollout.removeprefix("sha256:")}},
                *({"name": file.name, "digest": {"sha256": file.sha256}} for file in report.inputs),
            ],
            "passedTests": _ids(report.judgements, Status.PROVEN),
            "warnedTests": [],
            "failedTests": _ids(report.judgements, Status.REFUTED),
            "harness_unknownTests": _ids(report.judgements, Status.UNKNOWN),
            REPORT_FIELD: json.loads(to_json(report)),
        },
    }


def differences(statement: Any, report: Report) -> str:
    """What a statement says otherwise than the report in it; empty where it says the same."""
    if not isinstance(statement, dict) or not isinstance(statement.get("predicate"), dict):
        return "it is no statement with a predicate"
    if report.deployed is None:
        return "its report names no deployed build"
    own = statement_of(report, report.deployed)
    parts = [(name, statement.get(name), own[name]) for name in ("_type", "subject", "predicateType")]
    predicate: dict[str, Any] = own["predicate"]
    parts += [
        (name, statement["predicate"].get(name), value)
        for name, value in predicate.items()
        if name != REPORT_FIELD
    ]
    return ", ".join(name for name, said, follows in parts if said != follows)


def _ids(judgements: tuple[Judgement, ...], status: Status) -> list[str]:
    return [judgement.id for judgement in judgements if judgement.status is status]
