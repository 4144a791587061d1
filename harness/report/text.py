"""The report for a person at a terminal or in a log: claims, what was refuted in full, the verdict last. Text only.

On a terminal lines are wrapped under their column; in a pipe every line is whole, however long, so that a log can be
searched. Colour only repeats what the words say.
"""

from collections.abc import Callable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.report.contents import AuditedSentence, Orders, SelfTest
from harness.report.contents import Table as Breaks
from harness.report.document import Report
from harness.report.escape import visible
from harness.report.phrases import (
    AS_WRITTEN,
    NO_RULE,
    advice,
    coverage,
    each_reason_once,
    evidence,
    facts,
    plain_parts,
    presentable,
    share,
    split_audit,
    status_label,
    verdict_line,
    without_backticks,
)
from harness.report.tables import print_table
from harness.verdict import Judgement, Status, Verdict

COLOURS: Final = {Status.PROVEN: "green", Status.REFUTED: "bold red", Status.UNKNOWN: "bold yellow"}
VERDICTS: Final = {
    Verdict.GO: "bold green",
    Verdict.NO_GO: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
}

BREAKS_MAX: Final = 100
"""So many steps at which unsafe orders break are listed here."""

Row = tuple[Text, str, list[str]]
"""A word of status, an id, and the lines beside them; all but the first line of them dimmed."""


def print_report(report: Report, console: Console, further: Callable[[], None] = lambda: None) -> None:
    """Writes the whole report, and what is `further` to be said before its verdict; plain text but on a terminal."""
    shown = each_reason_once(presentable(report))
    if shown.consequence:
        _print(console, without_backticks(shown.consequence), VERDICTS[shown.verdict])
        _print(console, "")
    about = "; ".join(f"{name.lower()} {value}" for name, value in facts(shown).items())
    _print(console, without_backticks(about), "dim")
    _print(console, "")
    _print_rows(console, [_claim_row(judgement) for judgement in shown.judgements])
    for judgement in shown.judgements:
        _print_findings(console, judgement)
    if shown.sections.orders:
        _print_orders(console, shown.sections.orders)
    if shown.sections.breaks:
        _print_breaks(console, shown.sections.breaks)
    if shown.sections.selftest:
        _print_selftest(console, shown.sections.selftest)
    _print_audit(console, shown)
    further()
    for remark in shown.remarks:
        _print(console, f"note: {without_backticks(remark)}")
    _print(console, "")
    _print(console, without_backticks(verdict_line(shown)), VERDICTS[shown.verdict])


def _claim_row(judgement: Judgement) -> Row:
    status = Text(status_label(judgement), style=COLOURS[judgement.status])
    return status, judgement.id, [judgement.sentence, evidence(judgement)]


def _print_rows(console: Console, rows: list[Row]) -> None:
    if rows and console.is_terminal:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1, overflow="fold")
        for status, name, lines in rows:
            first, *others = (Text(visible(without_backticks(line))) for line in lines)
            for text in others:
                text.stylize("dim")
            grid.add_row(status, Text(visible(name), "bold"), Text("\n").join([first, *others]))
        console.print(grid)
        return
    status_width = max((len(status.plain) for status, _, _ in rows), default=0)
    name_width = max((len(name) for _, name, _ in rows), default=0)
    for status, name, lines in rows:
        begin = f"{status.plain:<{status_width}}  {name:<{name_width}}  "
        for number, line in enumerate(lines):
            plain = without_backticks(line).replace("\n", " ")
            _print(console, (" " * len(begin) if number else begin) + plain)


def _print_findings(console: Console, judgement: Judgement) -> None:
    for number, finding in enumerate(judgement.findings, start=1):
        which = f" ({share(judgement, number)})" if judgement.refuting > 1 else ""
        _print(console, "")
        _print(console, f"{finding.claim} refuted{which}: {finding.effect}", "red")
        for name, text in plain_parts(finding):
            _print(console, f"    {name:<10} {text}")


def _print_orders(console: Console, orders: Orders) -> None:
    _print_heading(console, "Orders")
    lines = [*coverage(orders)]
    if orders.rule is None:
        lines.append(f"rule: {NO_RULE}")
    else:
        lines.append(f"rule derived: {orders.rule.text}")
        lines.append(f"compared with the plan: {orders.rule.comparison}")
    lines += [f"unsafe: {place}" for place in (*orders.forbidden_stages, *orders.forbidden_steps)]
    for line in lines:
        _print(console, without_backticks(line))
    if orders.smallest_unsafe_order:
        _print(console, "shortest unsafe sequence:")
    for line in orders.smallest_unsafe_order:
        _print(console, line)


def _print_breaks(console: Console, breaks: Breaks) -> None:
    if len(breaks.rows) <= BREAKS_MAX:
        print_table(breaks, console)
    else:
        _print(console, f"{breaks.title}; {len(breaks.rows):,} rows, on the page and in the JSON")


def _print_selftest(console: Console, selftest: SelfTest) -> None:
    _print_heading(console, "Self-test")
    rows: list[Row] = []
    for trial in selftest.trials:
        status = Text("ok", style="green") if trial.right else Text("WRONG", style="bold red")
        meant = f"meant for {trial.meant}" if trial.meant else "harmless"
        refuted = " ".join(trial.refuted) or "none"
        rows.append((status, trial.name, [f"{meant}: {trial.verdict}, refuted: {refuted}"]))
    _print_rows(console, rows)
    _print(console, str(selftest))


def _print_audit(console: Console, report: Report) -> None:
    tried, slips = split_audit(report)
    if tried:
        _print_heading(console, "The plan's sentences, tried")
        _print_rows(console, [_audit_row(sentence, str(sentence.status)) for sentence in tried])
    if slips:
        _print_heading(console, "The plan as written")
        _print(console, AS_WRITTEN)
        _print_rows(console, [_audit_row(sentence, "does not hold") for sentence in slips])


def _audit_row(sentence: AuditedSentence, label: str) -> Row:
    is_as_expected = sentence.status is sentence.expected
    lines = [sentence.sentence, sentence.evidence]
    if (advised := advice(sentence)) is not None:
        lines.append(f"{advised[0]}: {advised[1]}")
    if not is_as_expected:
        lines.append(f"expected: {sentence.expected}")
    status = Text(label, "default" if is_as_expected else "bold red")
    return status, sentence.id, [line for line in lines if line]


def _print_heading(console: Console, title: str) -> None:
    _print(console, "")
    _print(console, title, "bold underline")


def _print(console: Console, line: str, style: str = "") -> None:
    console.print(Text(visible(line), style=style), soft_wrap=True)
