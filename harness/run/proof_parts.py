"""The parts of the proof, and which of them a claim needs: whoever asks for one claim waits for no other."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from harness import plan
from harness.checks.user_checks import user_claims
from harness.verdict import Claim


class ProofPart(StrEnum):
    """A part of the proof that runs by itself."""

    MIGRATION = "migration"
    RULE = "rule under Node"
    HEADERS = "headers over the wire"
    PERSONS = "persons"
    ORDERS = "orders"
    AUDIT = "sentences"
    EXTENSION = "extension under Node"


ALL: Final = frozenset(ProofPart)
OF_ANY: Final = ALL - {ProofPart.PERSONS, ProofPart.AUDIT}
"""Those of a proof of any rollout; the others look at what the plan's alone has."""
_IN_ORDERS: Final = ("C1", "C2", "C3")
"""What other stages than the last show: old replicas and old clients, and what was prepared before the first step."""
_AUDIT: Final = frozenset((ProofPart.AUDIT, ProofPart.PERSONS, ProofPart.EXTENSION, ProofPart.MIGRATION))
"""Every part that judges a sentence."""


def needed(claim: str) -> frozenset[ProofPart]:
    """The parts without which a claim of prove is not judged as the whole proof does.

    Other parts may add observations. Raises ValueError for a claim that prove does not judge.
    """
    if claim == plan.AUDIT_CLAIM.id:
        return _AUDIT
    if claim in _ids(user_claims()):
        return frozenset({ProofPart.HEADERS})
    if claim == "V7":
        return frozenset({ProofPart.RULE})
    if claim in _IN_ORDERS or claim in _ids((*plan.ORDER_CLAIMS, *_OF_LEVELS)):
        return frozenset({ProofPart.ORDERS})
    if claim in _ids(plan.MIGRATION_CLAIMS) or claim == "M1":
        return frozenset({ProofPart.MIGRATION})
    if claim == "E6":
        return frozenset({ProofPart.PERSONS})
    if claim in _ids(plan.EXTENSION_CLAIMS):
        return frozenset({ProofPart.EXTENSION})
    if claim in _ids(plan.CLAIMS):
        return frozenset({ProofPart.HEADERS})
    raise ValueError(f"prove judges no claim {claim}")


_OF_LEVELS: Final = (plan.RULE_CLAIM, plan.EXPLORATION_CLAIM, plan.ROLL_BACK_CLAIM)


def parts_of(claims: Iterable[str] | None) -> frozenset[ProofPart]:
    """The parts that these claims need together; all where none are named."""
    return ALL if claims is None else frozenset(part for claim in claims for part in needed(claim))


def _ids(claims: Iterable[Claim]) -> frozenset[str]:
    return frozenset(claim.id for claim in claims)
