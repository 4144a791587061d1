"""The report as one page: no network, no framework, for a desk, a phone and paper, by day and by night. Pure.

The template, its style and its script are files in `fixtures/page/`. Every text goes through two filters on its way
into the page: what cannot be seen is made visible, and what HTML acts on is escaped. A picture from a stored report
is shown as an image, in which no script runs. The policy in the page allows this style and this script by their
hashes, and nothing else. Source: Content Security Policy Level 3, 2.3.1 "Source Lists" and 3.3 "The meta element".
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.data import fixture_path
from harness.report import phrases
from harness.report.contents import Orders, StageSafety
from harness.report.diagram import diagram
from harness.report.diff import ReportDiff
from harness.report.document import Report
from harness.report.escape import visible
from harness.report.tables import tables_of
from harness.verdict import Status, Verdict

MARKS: Final = {Verdict.GO: "✓", Verdict.NO_GO: "✕", Verdict.INCONCLUSIVE: "?"}

StageRow = tuple[str, list[list[StageSafety]]]
"""A pair of replicas, and for each state of the schema the stages with both."""


def to_html(report: Report) -> str:
    """The report as a whole HTML document."""
    shown = phrases.presentable(report)
    orders, timeline = shown.sections.orders, shown.sections.timeline
    tried, slips = phrases.split_audit(shown)
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=shown,
            style=style,
            script=script,
            policy=_security_policy(style, script),
            mark=MARKS[shown.verdict],
            phrases=phrases,
            refuted=[each for each in shown.judgements if each.status is Status.REFUTED],
            unknown=[each for each in shown.judgements if each.status is Status.UNKNOWN],
            statuses=_statuses(shown),
            orders=orders,
            machines=_machines(orders) if orders else "",
            schemas=_schemas(orders.stage_safety) if orders else [],
            stage_rows=stage_rows(orders.stage_safety) if orders else [],
            timeline=_image(timeline) if timeline else "",
            selftest=shown.sections.selftest,
            audit=tried,
            as_written=slips,
            tables=tables_of(shown),
        )
    )


def to_diff_html(old: Report, new: Report, diff: ReportDiff) -> str:
    """What differs between two reports as a whole HTML document, which runs no script."""
    style = _asset("report.css")
    return (
        _environment()
        .get_template("diff.html")
        .render(
            old=phrases.presentable(old),
            new=phrases.presentable(new),
            diff=diff,
            style=style,
            policy=_security_policy(style),
        )
    )


def stage_rows(stages: Sequence[StageSafety]) -> list[StageRow]:
    """The stages as a table, replicas down and schemas across, in the order in which they come."""
    return [
        (
            " and ".join(replicas),
            [
                [stage for stage in stages if (stage.replicas, stage.schema) == (replicas, schema)]
                for schema in _schemas(stages)
            ],
        )
        for replicas in dict.fromkeys(stage.replicas for stage in stages)
    ]


def _schemas(stages: Sequence[StageSafety]) -> list[str]:
    return list(dict.fromkeys(stage.schema for stage in stages))


def _statuses(report: Report) -> dict[str, int]:
    """How many claims have which status, worst first; only what there is."""
    labels = [phrases.status_label(judgement) for judgement in report.judgements]
    order = ("refuted", "unknown", "unknown (waived)", "proven")
    return {label: count for label in order if (count := labels.count(label))}


def _machines(orders: Orders) -> Markup | str:
    try:
        return Markup(diagram(orders.machines, "The state machines of the rollout"))  # noqa: S704 - escapes
    except ValueError:  # a stored report without machines, or with moves that lead nowhere
        return ""


def _image(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(visible(svg).encode()).decode("ascii")


def _security_policy(style: str, script: str = "") -> str:
    scripts = f" script-src {_hash(script)};" if script else ""
    return (
        f"default-src 'none'; style-src {_hash(style)};{scripts} img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _asset(name: str) -> Markup:
    return Markup(fixture_path(f"page/{name}").read_text(encoding="utf-8"))  # noqa: S704 - a file of our own


def ticked(text: str) -> Markup:
    """The text with what stands between two backticks as code."""
    safe = str(escape(visible(text)))
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", safe))  # noqa: S704 - escaped above


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(fixture_path("page")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ticked"] = ticked
    return environment


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
