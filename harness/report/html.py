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
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.data import fixture_path
from harness.report import sections, words
from harness.report.diagram import diagram
from harness.report.document import Report, cleaned
from harness.report.escape import visible
from harness.report.parts import Orders, Place
from harness.verdict import Status, Verdict

MARKS: Final = {Verdict.GO: "✓", Verdict.NO_GO: "✕", Verdict.INCONCLUSIVE: "?"}


@dataclass(frozen=True, slots=True)
class StageRow:
    """A row of the table of stages: one pair of replicas, and for each state of the schema the stages there."""

    replicas: str
    cells: tuple[tuple[Place, ...], ...]


def to_html(report: Report) -> str:
    """The report as a whole HTML document."""
    told = words.ordered(cleaned(report))
    orders = sections.orders(told)
    timeline = sections.timeline(told)
    tried, as_written = words.apart(told.verdict, sections.audit(told))
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=told,
            style=style,
            script=script,
            policy=_security_policy(style, script),
            mark=MARKS[told.verdict],
            words=words,
            refuted=[one for one in told.judgements if one.status is Status.REFUTED],
            unknown=[one for one in told.judgements if one.status is Status.UNKNOWN],
            statuses=_statuses(told),
            orders=orders,
            machines=_machines(orders),
            schemas=list(dict.fromkeys(place.schema for place in orders.places)) if orders else [],
            stage_rows=stage_rows(orders.places) if orders else (),
            timeline=_image(timeline) if timeline else "",
            selftest=sections.selftest(told),
            audit=tried,
            as_written=as_written,
            tables=sections.tables(told),
            others={name: sections.as_text(part) for name, part in sections.others(told).items()},
        )
    )


def stage_rows(places: Sequence[Place]) -> tuple[StageRow, ...]:
    """The stages as a table, in the order in which they come."""
    schemas = tuple(dict.fromkeys(place.schema for place in places))
    return tuple(
        StageRow(
            " and ".join(replicas),
            tuple(
                tuple(place for place in places if (place.replicas, place.schema) == (replicas, schema))
                for schema in schemas
            ),
        )
        for replicas in dict.fromkeys(place.replicas for place in places)
    )


def _statuses(report: Report) -> dict[str, int]:
    """How many claims stand how, worst first; only what there is."""
    standings = [words.standing(judgement) for judgement in report.judgements]
    order = ("refuted", "unknown", "unknown (waived)", "proven")
    return {standing: count for standing in order if (count := standings.count(standing))}


def _machines(orders: Orders | None) -> Markup | str:
    if orders is None or not orders.machines:
        return ""
    try:
        return Markup(diagram(orders.machines, "The machines of the rollout and their steps"))  # noqa: S704 - escapes
    except ValueError:  # a stored report whose moves lead nowhere: its words are shown all the same
        return ""


def _image(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(visible(svg).encode()).decode("ascii")


def _security_policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
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
