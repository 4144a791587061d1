"""The value's way through a checkout: the plan's leaves a hop out, each fault of one line is found where it is."""

from pathlib import Path

import pytest

from harness.checks.checkout_claims import BACKEND, claims_of
from harness.database.server import Server
from harness.rollout import load_rollout
from harness.run.check import check
from harness.run.check_backend import check_backend
from harness.run.check_handler import HandlerOutcome, check_way
from harness.run.options.check import CheckOptions
from harness.verdict import Judgement, Results, Status, Verdict
from tests.checkout.edits import (
    CORRECTED,
    EXTRACTED,
    HELPERS,
    LISTED,
    REWRITES,
    ROUTE,
    SELECTED,
    TYPED,
    USAGE,
    WIRED,
    Edit,
    backend,
    entries,
    line_of,
    rewrite,
)

WAY = ("F3", "F4")


def judged(checkout: Path) -> dict[str, Judgement]:
    """The claims of the way, without the databases that others need."""
    rollout = load_rollout()
    results = Results(claims_of((BACKEND,), rollout.tables))
    check_way(results, check_backend(results, rollout, checkout), HandlerOutcome([], has_run=False))
    return {judgement.id: judgement for judgement in results.judgements()}


def test_the_plan_leaves_the_insert_without_it(tmp_path: Path) -> None:
    checkout = backend(tmp_path)
    claims = judged(checkout)
    assert claims["F3"].status is Status.PROVEN
    (finding,) = claims["F4"].findings
    first = line_of(checkout, USAGE, "    kilo_user_id: usageContext.kiloUserId,") - 1
    last = line_of(checkout, USAGE, "    has_tools: usageContext.has_tools,") + 1
    assert finding.condition.startswith(f"{USAGE}:{first}-{last}: ")
    assert "`posthog_distinct_id: usageContext.posthog_distinct_id,`" in finding.workaround
    for later in ("the INSERT's columns lack", "the values have none for", "the type UsageMetaData lacks"):
        assert later in finding.effect
    assert "NULL for ever" in finding.effect
    assert "src/app/api/fim/route.ts:4" in claims["F4"].detail


def test_the_edited_files_are_proven(tmp_path: Path) -> None:
    claims = judged(backend(tmp_path, *WIRED))
    assert [claims[name].status for name in WAY] == [Status.PROVEN, Status.PROVEN]
    for place in (
        f"{ROUTE}:45 read",
        "put into an object as posthog_distinct_id",
        "in the rest metadataFromContext",
    ):
        assert place in claims["F4"].detail


FAULTS = {fault["name"]: fault for fault in entries("fault")}
PARTS = {"extracted": EXTRACTED, "typed": TYPED, "listed": LISTED, "selected": SELECTED}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_one_line_is_found_where_it_is(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    edits = [each for each in WIRED if each is not PARTS.get(fault.get("without", ""))]
    own = [Edit(fault["file"], fault["old"], fault["new"])] if "old" in fault else []
    checkout = backend(tmp_path, *edits, *own)
    claims = judged(checkout)
    assert [each for each in WAY if claims[each].status is Status.REFUTED] == [fault["claim"]]
    (finding,) = claims[fault["claim"]].findings
    file = ROUTE if fault["claim"] == "F3" else USAGE
    text = (checkout / file).read_text(encoding="utf-8")
    assert text.count(fault["at"]) == 1
    line = text.count("\n", 0, text.index(fault["at"])) + 1
    assert finding.condition.startswith((f"{file}:{line}: ", f"{file}:{line}-"))
    assert fault["says"] in f"{finding.condition} {finding.effect}"


CALLED = "countAndStoreUsage(response, usageContext)"


@pytest.mark.parametrize("name", REWRITES)
def test_a_harmless_rewrite_is_proven(name: str, tmp_path: Path) -> None:
    checkout = backend(tmp_path, *WIRED)
    rewrite(checkout, name)
    claims = judged(checkout)
    told = {each: (claims[each].detail, claims[each].findings) for each in WAY}
    assert [claims[each].status for each in WAY] == [Status.PROVEN, Status.PROVEN], told


def test_what_cannot_be_followed_is_unknown(tmp_path: Path) -> None:
    checkout = backend(tmp_path, *WIRED, Edit(HELPERS, f"  after({CALLED});\n", ""))
    claims = judged(checkout)
    assert {claims[each].status for each in WAY} == {Status.UNKNOWN}
    assert f"{ROUTE}:12: no INSERT into microdollar_usage_metadata is reached" in claims["F3"].detail


def test_a_moved_handler_is_found_by_what_it_exports(tmp_path: Path, server: Server) -> None:
    checkout = backend(tmp_path, *CORRECTED)
    (checkout / "src/app/api/gateway/[...path]/route.ts").unlink()
    (checkout / "src/app/proxy").mkdir()
    (checkout / ROUTE).rename(checkout / "src/app/proxy/route.ts")
    lines: list[str] = []
    report = check(CheckOptions(backend=checkout, postgres=server.dsn("postgres")), lines.append)
    assert report.verdict is Verdict.GO
    assert lines[:1] == ["src/app/api/openrouter/*path*/route.ts was moved: judged is src/app/proxy/route.ts"]


def test_a_checkout_without_the_handler_is_unknown(tmp_path: Path) -> None:
    report = check(CheckOptions(backend=tmp_path), lambda _: None)
    assert report.verdict is Verdict.INCONCLUSIVE
    why = "no file fits src/app/api/openrouter/*path*/route.ts, and no other file exports POST"
    unlike = [judgement.id for judgement in report.judgements if why not in judgement.detail]
    assert unlike == ["F1", "F2"]
