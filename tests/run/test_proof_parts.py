"""The proof part by part: each claim has the part it needs, which judges it as the whole proof does."""

from collections import defaultdict

import pytest

from harness.database.server import Server
from harness.rule.level import Level
from harness.run.options.prove import ProveOptions
from harness.run.proof_claims import claims_of
from harness.run.proof_parts import ALL, ProofPart, needed, parts_of
from harness.run.prove import prove
from harness.verdict import Verdict

BY_PARTS: dict[frozenset[ProofPart], list[str]] = defaultdict(list)
for claim in claims_of(Level.SMOKE):
    BY_PARTS[needed(claim.id)].append(claim.id)


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize("claims", BY_PARTS.values(), ids=" ".join)
def test_a_part_proves_its_claims_alone(claims: list[str], server: Server) -> None:
    options = ProveOptions(level=Level.SMOKE, postgres=server.admin_dsn)
    report = prove(options, lambda _: None, only=frozenset(claims))
    assert [judgement.id for judgement in report.judgements if judgement.id in claims] == claims
    assert report.verdict is Verdict.GO
    parts = parts_of(claims)
    assert report.plan == tuple(f"only: {part}" for part in ProofPart if part in parts)
    assert (report.sections.orders is None) is (ProofPart.ORDERS not in parts)


def test_all_claims_need_all_parts() -> None:
    assert parts_of(claim.id for claim in claims_of(Level.EXHAUSTIVE)) == parts_of(None) == ALL


def test_a_claim_of_nobody_is_none() -> None:
    with pytest.raises(ValueError, match="no claim X9"):
        needed("X9")
