"""The report as Markdown for a job summary: the verdict first, then claims, then what refutes them. Pure.

Whatever the findings hold stays text: outside of blocks, every character that Markdown or HTML would act on is
written as a character reference; a block is fenced by more backticks than it holds.
Source: CommonMark 0.31, 2.5 "Entity and numeric character references" and 4.5 "Fenced code blocks".
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from harness.report.contents import AuditedSentence, Orders, SelfTest
from harness.report.document import Report
from harness.report.escape import visible
from harness.report.phrases import (
    AS_WRITTEN,
    MEANING,
    NO_RULE,
    advice,
    counts,
    coverage,
    each_reason_once,
    evidence,
    facts,
    in_the_way,
    plain_parts,
    presentable,
    share,
    split_audit,
    status_label,
)
from harness.report.tables import tables_of
from harness.verdict import Judgement, Status, Verdict

SIZE_MAX: Final = 1_000_000
"""Bytes; GitHub shows no step summary beyond 1 MiB. What does not fit is left out, and that is said."""

_SPECIAL: Final = re.compile(r"[^\w\s.,:;()/='\"?+%-]|_|:(?=\S)|(?<=www)\.", re.ASCII)
"""What Markdown or HTML acts on; underscores at the edge of a word, colons and dots that would make a link."""
_MARKS: Final = {Verdict.GO: "✅", Verdict.NO_GO: "❌", Verdict.INCONCLUSIVE: "⚠️"}
_STATUS_MARKS: Final = {Status.PROVEN: "✅", Status.REFUTED: "❌", Status.UNKNOWN: "⚠️"}


def to_markdown(report: Report) -> str:
    """The report as Markdown with a final newline, at most `SIZE_MAX` bytes of UTF-8."""
    kept: list[str] = []
    size = 0
    left_out = 0
    for block in _blocks(each_reason_once(presentable(report))):
        length = len(block.encode()) + 2
        if left_out or size + length > SIZE_MAX - 200:
            left_out += 1
            continue
        kept.append(block)
        size += length
    if left_out:
        kept.append(
            f"**{left_out} parts are left out because this summary would be too long; see the JSON.**"
        )
    return "\n\n".join(kept) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    yield f"## {_MARKS[report.verdict]} {report.verdict}: {_text(counts(report))}"
    if report.consequence:
        yield f"**{_prose(report.consequence)}**"
    yield MEANING[report.verdict]
    yield _facts(report)
    for judgement in in_the_way(report):
        yield from _trouble(judgement)
    yield _table(
        ("claim", "status", "sentence", "evidence"),
        [_claim_row(judgement) for judgement in report.judgements],
    )
    if report.sections.orders:
        yield from _orders(report.sections.orders)
    if report.sections.selftest:
        yield from _selftest(report.sections.selftest)
    yield from _audit(report)
    for name, table in tables_of(report).items():
        rows = [tuple(map(_text, row)) for row in table.rows]
        notes = "\n".join(f"- {_prose(note)}" for note in table.notes)
        yield _folded(table.title or name, "\n\n".join([_table([*map(_text, table.columns)], rows), notes]))
    if report.remarks:
        yield "\n".join(f"- {_prose(remark)}" for remark in report.remarks)
    if report.inputs:
        rows = [(_text(file.name), f"<code>{_text(file.sha256)}</code>") for file in report.inputs]
        yield _folded("Inputs and their SHA-256", _table(("file", "sha256"), rows))


def _facts(report: Report) -> str:
    lines = [f"- {name}: {_prose(value)}" for name, value in facts(report).items()]
    return "\n".join([*lines, f"- Again: <code>{_text(report.command)}</code>"])


def _trouble(judgement: Judgement) -> Iterator[str]:
    yield f"### {_text(judgement.id)} {judgement.status}: {_prose(judgement.sentence)}"
    yield f"The plan, {_text(judgement.section)}:\n\n{_block(judgement.quote)}"
    if judgement.status is Status.UNKNOWN:
        yield f"Why it is unknown: {_prose(judgement.detail)}"
    for number, finding in enumerate(judgement.findings, start=1):
        yield f"**{share(judgement, number)}:** {_text(finding.effect)}"
        lines = [f"{name:<10} {text}" for name, text in plain_parts(finding) if name != "replay"]
        yield _block("\n".join(lines))
        if finding.replay:
            yield f"See it again:\n\n{_block(finding.replay, 'sh')}"


def _claim_row(judgement: Judgement) -> tuple[str, ...]:
    mark = _STATUS_MARKS[judgement.status]
    return (
        _text(judgement.id),
        f"{mark} {_text(status_label(judgement))}",
        _prose(judgement.sentence),
        _prose(evidence(judgement)),
    )


def _orders(orders: Orders) -> Iterator[str]:
    yield "### Orders"
    lines = [*coverage(orders)]
    if orders.rule is None:
        lines.append(f"rule: {NO_RULE}")
    else:
        lines += [f"rule derived: {orders.rule.text}", f"compared with the plan: {orders.rule.comparison}"]
    yield "\n".join(f"- {_prose(line)}" for line in lines)
    if orders.smallest_unsafe_order:
        yield _folded("The shortest unsafe sequence", _block("\n".join(orders.smallest_unsafe_order)))
    if orders.diagram:
        yield _folded("The state machines of the rollout", _block(orders.diagram, "mermaid"))


def _selftest(selftest: SelfTest) -> Iterator[str]:
    yield "### Self-test"
    yield f"{_text(str(selftest))}."
    rows = [
        (
            "✅" if trial.right else "❌",
            *map(_text, (trial.name, trial.meant or "harmless", trial.verdict, " ".join(trial.refuted))),
        )
        for trial in selftest.trials
    ]
    yield _folded("Every trial", _table(("", "build", "meant for", "verdict", "refuted"), rows))


def _audit(report: Report) -> Iterator[str]:
    tried, slips = split_audit(report)
    if tried:
        yield "### The plan's sentences, tried"
        yield _audit_table(tried)
    if slips:
        yield "### The plan as written"
        yield AS_WRITTEN
        yield _audit_table(slips, "does not hold")


def _audit_table(sentences: Sequence[AuditedSentence], label: str = "") -> str:
    rows = []
    for sentence in sentences:
        _, advised = advice(sentence) or ("", "")
        cells = (sentence.id, label or sentence.status, sentence.sentence, sentence.evidence, advised)
        rows.append(tuple(map(_prose, cells)))
    return _table(("id", "status", "sentence", "evidence", "workaround"), rows)


def _text(value: str) -> str:
    """Text that stays text anywhere in a line, a table or an element."""
    line = visible(value).replace("\n", " ").replace("\t", " ")
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};" if ord(found[0]) < 0x80 else found[0], line)


def _prose(value: str) -> str:
    """The same of a sentence: what stands between two backticks is code."""
    pieces = re.split("`([^`]+)`", value)  # texts and codes by turns
    return "".join(
        f"<code>{_text(piece)}</code>" if place % 2 else _text(piece) for place, piece in enumerate(pieces)
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _block(text: str, language: str = "text") -> str:
    shown = visible(text).rstrip("\n")
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", shown))])
    return f"{fence}{language}\n{shown}\n{fence}"


def _folded(title: str, body: str) -> str:
    """A part that is closed until somebody opens it; the empty lines make what is inside Markdown again."""
    return f"<details><summary>{_text(title)}</summary>\n\n{body}\n\n</details>"
