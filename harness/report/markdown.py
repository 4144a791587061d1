"""The report as Markdown for a job summary: the verdict first, then claims, then what refutes them. Pure.

Whatever the findings hold stays text: outside of blocks, every character that Markdown or HTML would act on is
written as a character reference; a block is fenced by more backticks than it holds.
Source: CommonMark 0.31, 2.5 "Entity and numeric character references" and 4.5 "Fenced code blocks".
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from harness.report import sections
from harness.report.document import Report, cleaned
from harness.report.escape import visible
from harness.report.parts import Audited
from harness.report.words import (
    AS_WRITTEN,
    MEANING,
    advice,
    apart,
    counts,
    evidence,
    facts,
    in_the_way,
    ordered,
    parts,
    share,
    standing,
)
from harness.verdict import Judgement, Status, Verdict

SIZE_MAX: Final = 1_000_000
"""Bytes; GitHub shows no step summary beyond 1 MiB. What does not fit is left out, and that is said."""

PART_MAX: Final = 20_000
"""Characters shown of a part that has no form of its own, such as the journal of requests."""

_SPECIAL: Final = re.compile(r"[^\w\s.,:;()/='\"?+%-]|_|:(?=\S)|(?<=www)\.", re.ASCII)
"""What Markdown or HTML acts on; underscores at the edge of a word, colons and dots that would make a link."""
_MARKS: Final = {Verdict.GO: "✅", Verdict.NO_GO: "❌", Verdict.INCONCLUSIVE: "⚠️"}
_STATUS_MARKS: Final = {Status.PROVEN: "✅", Status.REFUTED: "❌", Status.UNKNOWN: "⚠️"}


def to_markdown(report: Report) -> str:
    """The report as Markdown with a final newline, at most `SIZE_MAX` bytes of UTF-8."""
    told = ordered(cleaned(report))
    kept: list[str] = []
    size = 0
    left_out = 0
    for block in _blocks(told):
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
        yield f"**{_text(report.consequence)}**"
    yield MEANING[report.verdict]
    yield _facts(report)
    for judgement in in_the_way(report):
        yield from _trouble(judgement)
    yield _table(
        ("claim", "status", "sentence", "evidence"),
        [_claim_row(judgement) for judgement in report.judgements],
    )
    yield from _orders(report)
    yield from _selftest(report)
    yield from _audit(report)
    for name, table in sections.tables(report).items():
        rows = [tuple(map(_text, row)) for row in table.rows]
        notes = "\n".join(f"- {_text(note)}" for note in table.notes)
        yield _folded(table.title or name, "\n\n".join([_table([*map(_text, table.columns)], rows), notes]))
    for name, part in sections.others(report).items():
        text = sections.as_text(part)
        cut = f"\n... {len(text):,} characters in all" if len(text) > PART_MAX else ""
        yield _folded(name, _block(text[:PART_MAX] + cut))
    if report.remarks:
        yield "\n".join(f"- {_text(remark)}" for remark in report.remarks)
    if report.inputs:
        rows = [(_text(each.name), f"<code>{_text(each.sha256)}</code>") for each in report.inputs]
        yield _folded("Inputs and their SHA-256", _table(("file", "sha256"), rows))


def _facts(report: Report) -> str:
    lines = [f"- {name}: {_text(value)}" for name, value in facts(report).items()]
    return "\n".join([*lines, f"- Again: <code>{_text(report.command)}</code>"])


def _trouble(judgement: Judgement) -> Iterator[str]:
    claim = judgement.claim
    yield f"### {_text(claim.id)} {judgement.status}: {_text(claim.sentence)}"
    yield f"The plan, {_text(claim.section)}:\n\n{_block(claim.quote)}"
    if judgement.status is Status.UNKNOWN:
        yield f"Why it is unknown: {_text(judgement.detail)}"
    for number, finding in enumerate(judgement.findings, start=1):
        yield f"**{share(judgement, number)}:** {_text(finding.effect)}"
        yield _block("\n".join(f"{name:<10} {value}" for name, value in parts(finding) if name != "replay"))
        if finding.replay:
            yield f"See it again:\n\n{_block(finding.replay, 'sh')}"


def _claim_row(judgement: Judgement) -> tuple[str, ...]:
    mark = _STATUS_MARKS[judgement.status]
    return (
        _text(judgement.claim.id),
        f"{mark} {_text(standing(judgement))}",
        _text(judgement.claim.sentence),
        _text(evidence(judgement)),
    )


def _orders(report: Report) -> Iterator[str]:
    found = sections.orders(report)
    if found is None:
        return
    yield "### Orders"
    lines = [*found.counts]
    lines += (
        [f"rule derived: {found.rule}", f"beside the plan: {found.beside_the_plan}"] if found.rule else []
    )
    yield "\n".join(f"- {_text(line)}" for line in lines)
    if found.unsafe:
        yield _folded("The shortest way to harm", _block("\n".join(found.unsafe)))
    if found.mermaid:
        yield _folded("The machines of the rollout", _block(found.mermaid, "mermaid"))


def _selftest(report: Report) -> Iterator[str]:
    found = sections.selftest(report)
    if found is None:
        return
    yield "### Self-test"
    yield _text(found.words) + "."
    rows = [
        (
            "✅" if trial.right else "❌",
            _text(trial.name),
            _text(trial.meant or "harmless"),
            _text(trial.verdict),
            _text(" ".join(trial.refuted)),
        )
        for trial in found.trials
    ]
    yield _folded("Every trial", _table(("", "build", "meant for", "verdict", "refuted"), rows))


def _audit(report: Report) -> Iterator[str]:
    tried, as_written = apart(report.verdict, sections.audit(report))
    if tried:
        yield "### The plan's sentences, tried"
        yield _audit_table(tried)
    if as_written:
        yield "### The plan as written"
        yield AS_WRITTEN
        yield _audit_table(as_written, "does not hold")


def _advice(item: Audited) -> str:
    told = advice(item)
    return told[1] if told else ""


def _audit_table(items: Sequence[Audited], standing: str = "") -> str:
    rows = [
        tuple(
            map(
                _text,
                (
                    item.id,
                    standing or item.status,
                    item.sentence,
                    item.evidence,
                    (advice(item) or ("", ""))[1],
                ),
            )
        )
        for item in items
    ]
    return _table(("id", "status", "sentence", "evidence", "workaround"), rows)


def _text(value: str) -> str:
    """Text that stays text anywhere in a line, a table or an element."""
    told = visible(value).replace("\n", " ").replace("\t", " ")
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};" if ord(found[0]) < 0x80 else found[0], told)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _block(text: str, language: str = "text") -> str:
    told = visible(text).rstrip("\n")
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", told))])
    return f"{fence}{language}\n{told}\n{fence}"


def _folded(title: str, body: str) -> str:
    """A part that is closed until somebody opens it; the empty lines make what is inside Markdown again."""
    return f"<details><summary>{_text(title)}</summary>\n\n{body}\n\n</details>"
