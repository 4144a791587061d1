"""Builds of the reference with one generated fault of the rule each, for any rollout: `slip-` and what it does."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

from harness.backend.builds import Build
from harness.rule.behaviour import Lines, Stored
from harness.rule.faults import RuleFault, told_faults
from harness.rule.policy import Policy

PREFIX: Final = "slip-"
NAME_MAX: Final = 64


@lru_cache(maxsize=16)
def slips(policy: Policy) -> Mapping[str, tuple[RuleFault, Lines]]:
    """The faults that a header tells from the rule, each with the shortest that does, by the names of their builds."""
    found: dict[str, tuple[RuleFault, Lines]] = {}
    for fault, telling in told_faults(policy).told:
        words = re.sub(r"[^a-z0-9]+", "-", fault.sentence.lower()).strip("-")
        name = f"{PREFIX}{words}"[:NAME_MAX].rstrip("-")
        found[name if name not in found else f"{name}-{len(found)}"] = fault, telling
    return found


def slip_build(after: Build, policy: Policy, header: bytes, name: str) -> Build | None:
    """The build `after` with the fault of that name; None for an unknown one. `header` is the name in lower case."""
    if name not in slips(policy):
        return None
    fault, _ = slips(policy)[name]
    stores = partial(_stored, fault.function(), header)
    return replace(after, name=name, summary=fault.sentence, stores=stores)


def _stored(
    function: Stored, header: bytes, policy: Policy, lines: Sequence[tuple[bytes, bytes]], path: str
) -> str | None:
    """What takes the rule's place: of a request without the header what the rule says for none."""
    own = tuple(value for name, value in lines if name == header)
    return function(own) if own else policy.absent.get(path)
