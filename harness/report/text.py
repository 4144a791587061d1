"""The report for a person at a terminal: claims as a table, what was refuted in full, the verdict last. Bytes only."""

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from harness.report.document import Report
from harness.report.escape import masked
from harness.verdict import Finding, Judgement, Status, Verdict

COLOURS = {Status.PROVEN: "green", Status.REFUTED: "bold red", Status.UNKNOWN: "yellow"}
VERDICTS = {Verdict.GO: "bold green", Verdict.NO_GO: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}


def print_report(report: Report, console: Console) -> None:
    """Writes the whole report; plain text where the console is no terminal."""
    console.print(_table(report.judgements))
    for judgement in report.judgements:
        for number, finding in enumerate(judgement.findings, start=1):
            _print_finding(console, judgement, finding, number)
    for remark in report.remarks:
        console.print(Text(f"note: {masked(remark)}"), soft_wrap=True)
    console.print(Text(_verdict_line(report), style=VERDICTS[report.verdict]), soft_wrap=True)


def _table(judgements: tuple[Judgement, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("claim", no_wrap=True)
    table.add_column("sentence", ratio=3)
    table.add_column("evidence", ratio=2)
    table.add_column("status", no_wrap=True)
    for judgement in judgements:
        status = Text(str(judgement.status), style=COLOURS[judgement.status])
        if judgement.waived:
            status.append(" (waived)")
        table.add_row(
            judgement.claim.id, escape(judgement.claim.sentence), escape(evidence(judgement)), status
        )
    return table


def evidence(judgement: Judgement) -> str:
    """Method, counts and detail in one phrase."""
    parts = [f"{judgement.method}, {judgement.observed:,} observed"]
    if judgement.refuting:
        parts.append(f"{judgement.refuting:,} refute")
    if judgement.detail:
        parts.append(judgement.detail)
    if judgement.waived:
        parts.append(f"waived: {judgement.waived}")
    return "; ".join(parts)


def _print_finding(console: Console, judgement: Judgement, finding: Finding, number: int) -> None:
    more = f" ({number} of {judgement.refuting:,})" if judgement.refuting > 1 else ""
    console.print(Text(f"{finding.claim} refuted{more}: {finding.effect}", style="red"), soft_wrap=True)
    for name in ("condition", "request", "reply", "row", "replay", "workaround"):
        if value := getattr(finding, name):
            console.print(Text(f"    {name:<10} {value}"), soft_wrap=True)


def _verdict_line(report: Report) -> str:
    counts = {status: sum(j.status is status for j in report.judgements) for status in Status}
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    bad = [j.claim.id for j in report.judgements if j.status is not Status.PROVEN and not j.waived]
    which = f" ({', '.join(bad)})" if bad else ""
    return f"{report.verdict}: {told}{which}; {report.seconds:.1f} s, {report.server}, seed {report.seed}"
