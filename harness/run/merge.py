"""What `harness report merge` does: the stored reports of all shards become one report."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.report.document import Report
from harness.rule.suite import Level
from harness.run.gate_claims import claims_of
from harness.run.report_reading import read_report
from harness.run.shards import merged
from harness.verdict import Claim


def merge(files: Sequence[Path], command: str) -> Report:
    """Reads the reports and makes one of them. Raises UsageError for a file that is no report of prove or gate."""
    if len(files) < 2:
        raise UsageError("name the reports of all shards; one alone is nothing to merge")
    reports = [read_report(file) for file in files]
    first = reports[0]
    by = {report.judged_by.command if report.judged_by else "" for report in reports}
    if not by <= {"gate", "prove"}:
        raise UsageError("only reports of gate and prove have shards; name those that --json has written")
    return merged(reports, _claims(first), command)


def _claims(report: Report) -> tuple[Claim, ...]:
    assert report.judged_by is not None
    if report.judged_by.command == "gate":
        return claims_of("before" if "before" in report.judged_by.scope else "after", report.policy)
    from harness import plan
    from harness.run import proof_claims

    sentences = {claim.id for claim, _, _ in proof_claims.AUDITED}
    claims = plan.claims_under(report.policy, proof_claims.claims_of(Level(report.level)))
    return tuple(claim for claim in claims if claim.id not in sentences)
