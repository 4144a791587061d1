"""Rules of many kinds, by name: those of the shipped rollouts, and others that only operations make."""

from pathlib import Path
from typing import Final

from harness.data import fixture_path
from harness.rollout import load_rollout
from harness.rollout.tables import Operation
from harness.rule.policy import LENGTH_ONLY, STRICT, Policy, policy_of
from harness.rule.reading import HeaderReading
from tests.command import ROOT


def matching(source: str) -> Policy:
    """A policy of one expression."""
    return Policy("matching", (Operation(match=source),))


def _shipped(path: Path) -> Policy:
    return policy_of(load_rollout(path))


MACHINE_ID: Final = _shipped(fixture_path("rollouts/machine-id"))
FEATURE: Final = _shipped(fixture_path("rollouts/feature"))
ORDERS: Final = _shipped(ROOT / "tests/rollouts/orders")
WORDS: Final = FEATURE.rule[-1].one_of or ()

RULES: Final[dict[str, Policy]] = {
    "strict": STRICT,
    "length-only": LENGTH_ONLY,
    "machine-id": MACHINE_ID,
    "feature": FEATURE,
    "orders": ORDERS,
    "uuid": matching("[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    "words": matching("|".join(WORDS)),
    "digits": matching(r"\d{1,20}"),
    "base64url": matching("([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}(==)?|[A-Za-z0-9_-]{3}=?)?"),
    "many states": matching("(a|b)*a(a|b){8}"),
}
SMALL: Final[dict[str, Policy]] = {
    "take": Policy("take", (Operation(take=2), Operation(match="a+"))),
    "take bytes": Policy("take bytes", (Operation(take=3, unit="bytes"), Operation(match="aé?"))),
    "trim, then take": Policy(
        "trim, then take", (Operation(trim="js"), Operation(take=2), Operation(match="a[ b]"))
    ),
    "take, then trim": Policy(
        "take, then trim", (Operation(take=3), Operation(trim="js"), Operation(match="a b?|"))
    ),
    "trim inside": Policy(
        "trim inside", (Operation(match=r"a?\s*b?"), Operation(trim="http"), Operation(match="|b"))
    ),
    "lower": Policy("lower", (Operation(lower="js"), Operation(match="aé|b"))),
    "lower ascii": Policy("lower ascii", (Operation(lower="ascii"), Operation(match="a[éÉ]?"))),
    "words, then less": Policy(
        "words, then less",
        (Operation(one_of=("abc", "ab", "b", "é")), Operation(take=2), Operation(match="a.*|é")),
    ),
    "empty counts": Policy("empty counts", (Operation(match="a*"),), HeaderReading(empty="value")),
    "nothing": matching("[]"),
    "anything": matching("[^]*"),
}
