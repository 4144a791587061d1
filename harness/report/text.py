"""The report for a person at a terminal or in a log: claims, what was refuted in full, the verdict last. Text only.

On a terminal lines are wrapped under their column; in a pipe every line is whole, however long, so that a log can be
searched. Colour only repeats what the words say.
"""

from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.report import sections
from harness.report.document import Report, cleaned
from harness.report.escape import visible
from harness.report.parts import Audited
from harness.report.words import (
    AS_WRITTEN,
    advice,
    apart,
    evidence,
    facts,
    ordered,
    parts,
    share,
    standing,
    unticked,
    verdict_line,
)
from harness.verdict import Judgement, Status, Verdict

COLOURS: Final = {Status.PROVEN: "green", Status.REFUTED: "bold red", Status.UNKNOWN: "bold yellow"}
VERDICTS: Final = {
    Verdict.GO: "bold green",
    Verdict.NO_GO: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
}
MARKS: Final = {True: "ok", False: "WRONG"}


def print_report(report: Report, console: Console, further: Callable[[], None] = lambda: None) -> None:
    """Writes the whole report, and what is `further` to be said before its verdict; plain text but on a terminal."""
    told = ordered(cleaned(report))
    if told.consequence:
        _print(console, told.consequence, VERDICTS[told.verdict])
        _print(console, "")
    _print(console, "; ".join(f"{name.lower()} {value}" for name, value in facts(told).items()), "dim")
    _print(console, "")
    _print_rows(console, [_claim_row(judgement) for judgement in told.judgements])
    for judgement in told.judgements:
        _print_findings(console, judgement)
    _print_orders(console, told)
    _print_selftest(console, told)
    _print_audit(console, told)
    further()
    for remark in told.remarks:
        _print(console, f"note: {unticked(remark)}")
    _print(console, "")
    _print(console, verdict_line(told), VERDICTS[told.verdict])


Row = tuple[Text, Text, tuple[Text, ...]]
"""A word of status, an id, and lines that belong to them."""


def _claim_row(judgement: Judgement) -> Row:
    status = Text(standing(judgement), style=COLOURS[judgement.status])
    sentence = Text(visible(unticked(judgement.claim.sentence)))
    return (
        status,
        Text(judgement.claim.id, "bold"),
        (sentence, Text(visible(unticked(evidence(judgement))), "dim")),
    )


def _print_rows(console: Console, rows: list[Row]) -> None:
    if not rows:
        return
    if console.is_terminal:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1, overflow="fold")
        for status, name, lines in rows:
            grid.add_row(status, name, Text("\n").join(lines))
        console.print(grid)
        return
    status_width = max(len(status.plain) for status, _, _ in rows)
    name_width = max(len(name.plain) for _, name, _ in rows)
    for status, name, lines in rows:
        begin = f"{status.plain:<{status_width}}  {name.plain:<{name_width}}  "
        for number, line in enumerate(lines):
            _print(console, (" " * len(begin) if number else begin) + line.plain.replace("\n", " "))


def _print_findings(console: Console, judgement: Judgement) -> None:
    for number, finding in enumerate(judgement.findings, start=1):
        more = f" ({share(judgement, number)})" if judgement.refuting > 1 else ""
        _print(console, "")
        _print(console, f"{finding.claim} refuted{more}: {finding.effect}", "red")
        for name, value in parts(finding):
            told = unticked(value) if name in ("condition", "workaround") else value
            _print(console, f"    {name:<10} {told}")


def _print_orders(console: Console, report: Report) -> None:
    found = sections.orders(report)
    if found is None:
        return
    _print_heading(console, "Orders")
    for count in found.counts:
        _print(console, count)
    if found.rule:
        _print(console, f"rule derived: {unticked(found.rule)}")
        _print(console, f"beside the plan: {unticked(found.beside_the_plan)}")
    else:
        _print(console, "rule: not derived at this level, which stands up the plan's own order only")
    for words in found.forbidden:
        _print(console, f"harm seen: {unticked(words)}")
    for number, line in enumerate(found.unsafe):
        if number == 0:
            _print(console, "shortest way to harm:")
        _print(console, line)


def _print_selftest(console: Console, report: Report) -> None:
    found = sections.selftest(report)
    if found is None:
        return
    _print_heading(console, "Self-test")
    rows: list[Row] = []
    for trial in found.trials:
        status = Text(MARKS[trial.right], style="green" if trial.right else "bold red")
        meant = f"meant for {trial.meant}" if trial.meant else "harmless"
        told = f"{meant}: {trial.verdict}, refuted: {' '.join(trial.refuted) or 'none'}"
        rows.append((status, Text(visible(trial.name), "bold"), (Text(visible(told)),)))
    _print_rows(console, rows)
    _print(console, found.words)


def _print_audit(console: Console, report: Report) -> None:
    tried, as_written = apart(report.verdict, sections.audit(report))
    if tried:
        _print_heading(console, "The plan's sentences, tried")
        _print_rows(console, [_audit_row(item, str(item.status)) for item in tried])
    if as_written:
        _print_heading(console, "The plan as written")
        _print(console, AS_WRITTEN)
        _print_rows(console, [_audit_row(item, "does not hold") for item in as_written])


def _audit_row(item: Audited, standing: str) -> Row:
    as_expected = item.status == item.expected
    lines = [unticked(item.sentence), item.evidence]
    if (told := advice(item)) is not None:
        lines.append(f"{told[0]}: {unticked(told[1])}")
    lines += [] if as_expected else [f"expected: {item.expected}"]
    texts = tuple(Text(visible(line), "dim" if place else "") for place, line in enumerate(lines) if line)
    return Text(standing, "default" if as_expected else "bold red"), Text(visible(item.id), "bold"), texts


def _print_heading(console: Console, words: str) -> None:
    _print(console, "")
    _print(console, words, "bold underline")


def _print(console: Console, line: str, style: str = "") -> None:
    console.print(Text(visible(line), style=style), soft_wrap=True)
