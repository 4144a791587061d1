"""The proof says GO for the reference and NO-GO, by the right claim, for a build with one line broken."""

import json

import pytest

from harness.database.server import Server
from harness.report.document import Report, to_json
from harness.rule.suite import Level
from harness.run.options.prove import ProveOptions
from harness.run.prove import prove
from harness.stages.environment import BuildPair
from harness.verdict import Status, Verdict
from tests.matrix.recorded import otherwise


def run(server: Server, builds: BuildPair, only: frozenset[str] | None = None) -> Report:
    options = ProveOptions(Level.SMOKE, postgres=server.dsn("postgres"))
    return prove(options, lambda _: None, builds=builds, only=only)


def test_prove_says_go_with_counts_for_the_reference(proven: Report) -> None:
    report = proven
    assert report.verdict is Verdict.GO
    assert all(j.status is Status.PROVEN and j.observed >= j.claim.least for j in report.judgements)
    document = json.loads(to_json(report))
    assert document["schema"] == "harness.report/1"
    assert document["verdict"] == "GO"
    assert {claim["id"] for claim in document["claims"]} == {j.claim.id for j in report.judgements}
    assert otherwise(Level.SMOKE, "prove", to_json(report)) == []


@pytest.mark.catalogue(in_default=False)
@pytest.mark.parametrize(
    ("builds", "claim", "told", "only"),
    [
        pytest.param(
            BuildPair(after="limit-256"),
            "V2",
            "of length 256, expected NULL",
            frozenset({"V2"}),
            id="limit-256 alone",
        ),
        pytest.param(BuildPair(after="header-for-email"), "I1", "expected", None, id="header-for-email"),
        pytest.param(
            BuildPair(after="insert-unchanged"), "V1", "stored NULL, expected", None, id="insert-unchanged"
        ),
        pytest.param(BuildPair(after="loses-1-in-50"), "R1", "no usage row", None, id="loses-1-in-50"),
        pytest.param(BuildPair(before="refuses-unknown"), "C1", "", None, id="refuses-unknown"),
        pytest.param(
            BuildPair(after="limit-256"), "V2", "of length 256, expected NULL", None, id="limit-256"
        ),
    ],
)
def test_prove_names_claim_request_and_row(
    server: Server, builds: BuildPair, claim: str, told: str, only: frozenset[str] | None
) -> None:
    report = run(server, builds, only)
    assert report.verdict is Verdict.NO_GO
    refuted = {j.claim.id: j for j in report.judgements if j.status is Status.REFUTED}
    assert claim in refuted
    assert claim != "C1" or set(refuted) == {"C1"}
    finding = refuted[claim].findings[0]
    assert "POST /api/openrouter/chat/completions" in finding.request
    assert told in f"{finding.effect} {finding.row}"
    assert ("400" if claim == "C1" else "200") in finding.reply
    assert "@example" not in to_json(report)
