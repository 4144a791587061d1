"""What `harness report merge` does: the stored reports of all shards become one report."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.report.document import Report
from harness.rollout import Rollout, load_rollout
from harness.rollout.digest import rollout_digest
from harness.rule.policy import POLICIES, policy_of
from harness.rule.suite import Level
from harness.run.gate_claims import claims_of
from harness.run.report_reading import is_of_another, read_report
from harness.run.shards import merged
from harness.verdict import Claim


def merge(files: Sequence[Path], command: str, folder: Path | None = None) -> Report:
    """Reads the reports and makes one of them; of another rollout than the plan's by its folder.

    Raises UsageError for a file that is no report of prove or gate, and for a folder of another rollout.
    """
    if len(files) < 2:
        raise UsageError("name the reports of all shards; one alone is nothing to merge")
    reports = [read_report(file) for file in files]
    first = reports[0]
    by = {report.judged_by.command if report.judged_by else "" for report in reports}
    if not by <= {"gate", "prove"}:
        raise UsageError("only reports of gate and prove have shards; name those that --json has written")
    rollout = _rollout(first, folder)
    if is_of_another(first):
        return merged(reports, _claims_of_another(first, rollout), command, policy_of(rollout))
    return merged(reports, _claims(first), command, POLICIES[first.policy])


def _rollout(report: Report, folder: Path | None) -> Rollout:
    """The rollout of a report. Raises UsageError where it is another one, or has been changed since."""
    if folder is None and is_of_another(report):
        raise UsageError(f"the reports are of rollout {report.policy}; name its folder with --rollout DIR")
    rollout = load_rollout(folder)
    digest = rollout_digest(rollout)
    if folder is not None and report.rollout and digest != report.rollout:
        raise UsageError(
            f"--rollout {folder}: rollout {rollout.name} is {digest}, and the reports are of rollout {report.policy}, "
            f"{report.rollout}; name the folder as it was when they were written"
        )
    return rollout


def _claims_of_another(report: Report, rollout: Rollout) -> tuple[Claim, ...]:
    """Those of an undivided run of a rollout that its folder alone describes."""
    assert report.judged_by is not None
    if report.judged_by.command == "gate":
        return claims_of("before" if "before" in report.judged_by.scope else "after", report.policy, rollout)
    from harness.run.rollout_claims import rollout_claims

    return rollout_claims(rollout, Level(report.level))


def _claims(report: Report) -> tuple[Claim, ...]:
    assert report.judged_by is not None
    if report.judged_by.command == "gate":
        return claims_of("before" if "before" in report.judged_by.scope else "after", report.policy)
    from harness import plan
    from harness.run import proof_claims

    sentences = {claim.id for claim, _, _ in proof_claims.AUDITED}
    claims = plan.claims_under(report.policy, proof_claims.claims_of(Level(report.level)))
    return tuple(claim for claim in claims if claim.id not in sentences)
