"""A report with every part there is, some of it hostile, for all formats to render."""

import dataclasses
from typing import Any, Final

from msgspec import convert, to_builtins

from harness import plan
from harness.report.contents import (
    AuditedSentence,
    Orders,
    Requests,
    Sections,
    SelfTest,
    SentRequest,
    Table,
    TrialOutcome,
)
from harness.report.document import Input, JudgedBy, Report
from harness.report.timeline import Band, Panel, timeline
from harness.run.gate_claims import claims_of
from harness.stages.graph import machines, mermaid, stage_safety
from harness.stages.safety import Unsafe
from harness.verdict import Claim, Finding, Judgement, Method, Status, Verdict, decide
from tests.fix_stages import AFTER, BEFORE, MODEL, STAGES, START, SWAP_1

HOSTILE: Final = (
    "</script></style></pre>--><img src=x onerror=\"document.title='pwned'\">"
    "\x00\x1b[31m\ud800\u202e\ufffe ``` ~~~ | & ]]> {{ 7*7 }} [x](javascript:alert(1)) <details>"
)
"""What nobody would put into a header by accident."""

PROVEN, REFUTED, UNKNOWN = Status.PROVEN, Status.REFUTED, Status.UNKNOWN


def judgement(claim: Claim, status: Status = PROVEN, **more: Any) -> Judgement:
    """A judgement with what it needs to be shown."""
    usual: dict[str, Any] = {
        "observed": 4321,
        "detail": "a bound and its unit",
        "findings": (),
        "refuting": 0,
        "waived": "",
    }
    return Judgement(
        claim.id,
        claim.sentence,
        claim.quote,
        claim.section,
        status,
        Method.SAMPLED,
        least=claim.least,
        **usual | more,
    )


def finding(claim: str, value: str = "a" * 80) -> Finding:
    """What a check tells of one request."""
    return Finding(
        claim=claim,
        condition="schema ready, replicas after and after, extension before; header: too long",
        effect=f'stored "{value}" of length 256, expected NULL',
        request=f'POST /api/openrouter/chat/completions, x-posthog-distinct-id: "{value}", as anon:192.0.2.7',
        reply="200 application/json, id gen-0123456789",
        row=f'usage row 17 of anon:192.0.2.7, metadata row 17 with posthog_distinct_id "{value}"',
        replay=f"harness replay '--line=x-posthog-distinct-id: {value}'",
        workaround="compare with <= 255, as the plan does",
        weight=256,
    )


def report(*judgements: Judgement, **more: Any) -> Report:
    """A report on these judgements, without further parts."""
    usual: dict[str, Any] = {
        "subject": plan.HEADER,
        "command": "harness gate --backend-url https://staging.example --database-url postgresql://me:***@db/x",
        "seed": 7,
        "level": "standard",
        "policy": "strict",
        "server": "Postgres 16.14",
        "started": "2026-03-01T12:00:00+00:00",
        "seconds": 12.3456,
        "harness": "0.1.0",
        "verdict": decide(judgements),
        "sections": Sections(requests=requests()),
        "judged_by": JudgedBy.of("gate", ("after",), judgements),
    }
    return Report(judgements=judgements, **usual | more)


def whole_report(value: str = "a" * 80) -> Report:
    """One claim of each standing and every section; `value` stands in many places."""
    first, second, third, fourth, *rest = claims_of("after")
    refuted = judgement(
        second, REFUTED, findings=(finding(second.id, value), finding(second.id)), refuting=1234, detail=value
    )
    return report(
        judgement(first),
        refuted,
        judgement(third, UNKNOWN, observed=0, detail=f"the target answered 429: {value}"),
        judgement(fourth, UNKNOWN, detail="no token was given", waived=f"no test account {value}"),
        *map(judgement, rest),
        target="https://staging.example, database x on db",
        plan=("1. probe", "2. judge"),
        remarks=("the platform overwrites x-forwarded-for", value),
        inputs=(Input("fixtures/rollouts/kilo/0000_baseline.sql", "ab" * 32),),
        sections=sections(value),
    )


def requests(value: str = "gen-0123456789", sent: int = 5000) -> Requests:
    """What a gate sent, of which one request is listed."""
    listed = SentRequest(1, "2001:db8::1", "anonymous", False, "valid", (f"x: {value}",), 200, value)
    return Requests(sent, (listed,), "20260301-1", "runs/20260301-1.jsonl")


def sections(value: str) -> Sections:
    """Every section that more than one format shows."""
    panel = Panel("corrected", value, ((0.0, 1.0), (205.0, 400.0)), (Band("CREATE INDEX", 200.0, 600.0),))
    trials = (
        TrialOutcome(
            name="limit-256",
            summary="accepts 256 characters",
            meant="V2",
            verdict=Verdict.NO_GO,
            refuted=("V2",),
            right=True,
        ),
        TrialOutcome(
            name="loses-1-in-50",
            summary=value,
            meant="R1",
            verdict=Verdict.NO_GO,
            refuted=("V1",),
            right=False,
        ),
        TrialOutcome(name="extra-columns", meant="", verdict=Verdict.GO, refuted=(), right=True),
    )
    slip = AuditedSentence(
        "A1",
        "The coverage query answers on an empty table.",
        "COUNT(*) FILTER",
        "Validation Queries",
        REFUTED,
        REFUTED,
        f"22012 division by zero {value}",
        "divide by NULLIF(COUNT(*), 0)",
    )
    return Sections(
        orders=orders(value),
        breaks=Table(
            "174 unsafe orders first break at one step: each was run and broke",
            ("orders", "step", "taken in stage", "seen"),
            (("174", "swap replica 1", "schema base", f"lost {value}"),),
        ),
        timeline=timeline([panel], "Write latency"),
        selftest=SelfTest(("V1", "V2", "R1"), trials),
        audit=(slip,),
        requests=requests(value),
    )


def orders(value: str) -> Orders:
    """Orders of which some are unsafe, as they are in the JSON."""
    ahead = dataclasses.replace(START, replicas=(AFTER, BEFORE))
    swap = (dataclasses.replace(START, extension_released=True), SWAP_1)
    unsafe = Unsafe(frozenset({ahead}), frozenset({swap}))
    document = {
        "orders": {"enumerated": 624, "total": 624},
        "stages": {"stood_up": 39, "total": 40},
        "stand_ups": {"stood_up": 64, "total": 64},
        "steps": {"taken_in_flight": 100, "total": 100},
        "walks": 12,
        "swaps": 2,
        "requests": 4000,
        "requests_traffic": 51,
        "rule": {
            "words": "add the column before any `after` replica; release the extension at any time",
            "expressible": True,
            "safe_orders": 152,
            "beside_the_plan": "the derived rule is weaker than the plan's order",
        },
        "minimal_unsafe_order": ["0. start: schema base", "└─ 1. swap replica 1", f"   └─ lost {value}"],
        "forbidden_stages": [str(ahead)],
        "forbidden_steps": ["swap replica 1, in stage base"],
        "warnings": [],
        "exploration": [],
        "failing_program": None,
        "diagram": mermaid(MODEL),
        "machines": to_builtins(machines(MODEL)),
        "places": to_builtins(stage_safety(STAGES, frozenset(STAGES[:-1]), unsafe)),
    }
    return convert(document, Orders)
