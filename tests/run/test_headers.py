"""The rule over raw sockets: each one-line fault is refuted by its claim with a minimal header, and nothing else."""

from dataclasses import replace

import pytest

from harness import plan
from harness.database.templates import Templates
from harness.rule.policy import STRICT, Policy
from harness.rule.samples import sampled_sequences
from harness.rule.suite import Level
from harness.run.headers import prove_headers, prove_rule
from harness.run.progress import silent
from harness.stages.environment import BuildPair, stack
from harness.verdict import Judgement, Results, Status
from tests.rule.fix_rules import FEATURE, ORDERS


async def judged(templates: Templates, build: str) -> dict[str, Judgement]:
    results = Results(plan.CLAIMS)
    samples = sampled_sequences(STRICT, 20, 0)
    async with stack(templates, "strict", BuildPair(after=build)) as shared:
        await prove_headers(results, shared, Level.SMOKE, samples, silent)
    return {judgement.claim.id: judgement for judgement in results.judgements()}


def refuted(judgements: dict[str, Judgement]) -> set[str]:
    return {claim for claim, judgement in judgements.items() if judgement.status is Status.REFUTED}


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize("build", ["counts-down", "ascii-word", "after"])
async def test_headers_refute_nothing_for_a_right_build(templates: Templates, build: str) -> None:
    judgements = await judged(templates, build)
    assert refuted(judgements) == set()
    assert {"V1", "V2", "V3", "V4", "V5", "V6", "I2", "R1"} <= {
        claim for claim, judgement in judgements.items() if judgement.status is Status.PROVEN
    }
    assert judgements["V6"].observed >= 20


@pytest.mark.catalogue
@pytest.mark.parametrize(
    ("build", "claim", "header"),
    [
        ("limit-256", "V2", '"a" * 256, as'),
        ("no-start", "V3", '"" and "a"'),
        ("without-9", "V1", ': "9", as'),
        ("percent-decodes", "V3", ': "%61bc", as'),
        ("first-duplicate", "V3", '"a" and ""'),
        ("remembers", "V5", "no x-posthog-distinct-id"),
        ("refuses-invalid", "V4", '"" and ""'),
        ("no-email-if-empty", "I1", ': "", as'),
        ("loses-invalid", "R1", '"" and ""'),
    ],
)
async def test_headers_refute_a_fault_with_a_minimal_header(
    templates: Templates, build: str, claim: str, header: str
) -> None:
    judgements = await judged(templates, build)
    assert claim in refuted(judgements)
    first = judgements[claim].findings[0]
    assert header in first.request
    assert first.replay.startswith("harness replay")


def test_rule_is_complete_and_proven_by_node() -> None:
    results = Results(plan.CLAIMS)
    prove_rule(results, STRICT, samples=sampled_sequences(STRICT, 20, 0))
    (judgement,) = [one for one in results.judgements() if one.claim.id == "V7"]
    assert (judgement.status, judgement.method) == (Status.PROVEN, "complete")
    assert judgement.observed >= 115_637
    assert "257 states" in judgement.detail


@pytest.mark.parametrize(
    ("policy", "method", "told"),
    [
        (
            FEATURE,
            "sampled",
            "the byte for byte suite: in each of 181 states, no byte is taken for one of another",
        ),
        (
            ORDERS,
            "complete",
            "the complete suite: accept/reject, deterministic implementations of at most 13 states",
        ),
        (replace(ORDERS, is_sampled=True), "sampled", 'samples: header.suite = "sampled"'),
    ],
    ids=["words", "orders", "sampled"],
)
def test_rule_says_which_size_of_its_suite_node_saw(policy: Policy, method: str, told: str) -> None:
    results = Results(plan.CLAIMS)
    prove_rule(results, policy, samples=())
    (judgement,) = [one for one in results.judgements() if one.claim.id == "V7"]
    assert (judgement.status is Status.REFUTED, judgement.method) == (False, method)
    assert told in judgement.detail


def test_rule_is_unknown_where_node_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.rule.oracle.node_child", _no_node)
    results = Results(plan.CLAIMS)
    prove_rule(results, STRICT, samples=())
    (judgement,) = [one for one in results.judgements() if one.claim.id == "V7"]
    assert judgement.status is Status.UNKNOWN
    assert "Node did not judge: there is none" in judgement.detail


def _no_node(*_arguments: object, **_options: object) -> None:
    from harness.errors import UnavailableError

    raise UnavailableError("there is none")
