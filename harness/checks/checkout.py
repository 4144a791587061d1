"""Judges the plan's files in two checkouts by what was found in them. Pure."""

from harness.checkout.way import BackendWay, Missing
from harness.checks.checkout_claims import INSERT, ROUTE
from harness.verdict import Finding, Method, Results


def judge_way(results: Results, way: BackendWay) -> None:
    """Judges F3 and F4: every place of the value's way, in the order of the way."""
    for claim in (ROUTE, INSERT):
        results.method(claim, Method.EXHAUSTIVE)
        if way.unknown:
            results.inconclusive(claim, way.unknown)
    if way.unknown:
        return
    handler = way.handler.rpartition(":")[0]
    at_route = [missing for missing in way.missing if missing.file == handler]
    after = [missing for missing in way.missing if missing.file != handler]
    results.observed(ROUTE, max(1, sum(place.startswith(handler) for place in way.passed)))
    results.observed(INSERT, max(2, len(way.passed)))
    if way.read_at:
        results.detail(ROUTE, f"read at {way.read_at}")
    if way.set_at:
        results.detail(ROUTE, f"accounted for from {way.set_at} on")
    results.detail(INSERT, f"{len(way.passed)} places: {', '.join(way.passed)}")
    if way.others:
        results.detail(INSERT, f"the field is also written at {', '.join(way.others)}")
    for claim, places in ((ROUTE, at_route), (INSERT, after)):
        if places:
            results.refute(_finding(claim, places))


def _finding(claim: str, places: list[Missing]) -> Finding:
    """The first place is the finding; those after it are named with it."""
    first, further = places[0], places[1:]
    more = "".join(f"; after it {each.where} {each.what}" for each in further)
    edits = "; ".join(f"{each.where}: {each.edit}" for each in places)
    return Finding(claim, f"{first.where}: {first.what}", f"{first.consequence}{more}", workaround=edits)
