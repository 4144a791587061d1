"""The header rule as data: which value of the header is stored, if any.

A policy is what a rollout's file says of its header: the reading, which makes a text of its lines, and the rule's
operations, which make a value of the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.automata.letters import FIELD_BYTES as FIELD_BYTES
from harness.automata.source import code_units
from harness.data import policy_folder
from harness.errors import UsageError
from harness.rollout import Rollout, is_plans, load_rollout
from harness.rollout.digest import rollout_digest
from harness.rollout.reading import FILE
from harness.rollout.tables import Operation
from harness.rule.operations import apply_rule, javascript
from harness.rule.reading import NODE, HeaderReading
from harness.rule.reading import OWS as OWS
from harness.rule.simple import Simple, simple
from harness.rule.translated import JS_TRIM as JS_TRIM


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule for the header, with the reading that goes before it."""

    name: str
    rule: tuple[Operation, ...]
    reading: HeaderReading = NODE
    absent: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What is stored without the header, by the request's path; elsewhere NULL."""
    javascript: str = ""
    """The rule as its owner writes it, for Node."""
    is_sampled: bool = False
    """Whether no suite is made of the rule."""

    def stored(self, lines: Sequence[bytes], path: str = "") -> str | None:
        """The value that must be stored for these header lines (none, one or several); None means NULL.

        The lines are taken to have passed HTTP: see `refused` for those that do not.
        """
        text = self.reading.text(lines)
        if text is None or (not text and self.reading.empty == "absent"):
            return self.absent.get(path)
        return apply_rule(self.rule, text)

    def accepted(self, text: str) -> str | None:
        """The value stored for a text that was read, or None, which an empty one is where it is like no header."""
        # The operations' order is the file's. Where the length is measured before the trim, what is empty after it is
        # stored all the same: a header of one no-break space (0xA0, which HTTP does not trim) is stored as ''.
        return None if not text and self.reading.empty == "absent" else apply_rule(self.rule, text)

    def gives(self, value: str) -> bool:
        """Whether a column may hold a value: the rule stores it as it is, or it stands where there is no header."""
        return (value != "" and self.accepted(value) == value) or value in self.absent.values()

    @property
    def length_max(self) -> int:
        """The longest text of which all is stored, in UTF-16 code units; before the trim when there is one."""
        return self._simple.longest

    @property
    def alphabet(self) -> str | None:
        """A character class without its brackets, or None when every character is allowed."""
        return self._simple.alphabet

    def allows(self, text: str) -> bool:
        """Whether every character of the text is in the alphabet, whatever its length."""
        return self._simple.holds(text)

    @property
    def _simple(self) -> Simple:
        return simple(self.rule)


def policy_of(rollout: Rollout) -> Policy:
    """The policy that a rollout's file describes, by the rollout's name.

    Raises UsageError where it has no header, or gives an example that the rule refuses.
    """
    header = rollout.header
    policy = Policy(
        rollout.name,
        header.rule,
        HeaderReading.of(header),
        header.absent,
        rollout.text(header.oracle)
        if header.oracle
        else javascript(header.rule, header.decode, header.empty),
        header.suite == "sampled",
    )
    for index, example in enumerate(header.examples):
        if not _stores(policy, example):
            raise UsageError(
                f"{rollout.folders[0] / FILE}: header.examples[{index}] = {json.dumps(example, ensure_ascii=False)}: "
                "the rule refuses it; expected a value of which something is stored"
            )
    return policy


def _stores(policy: Policy, text: str) -> bool:
    try:
        line = text.encode(policy.reading.decode)
    except UnicodeEncodeError:
        return False
    return not refused(line) and policy.stored([line]) is not None


def header_policy(rollout: Rollout, name: str) -> Policy:
    """The rule of a rollout: the file's, but for the plan's own one of two by name. Raises UsageError for no header."""
    return POLICIES[name] if is_plans(rollout) else policy_of(rollout)


def policies_of(rollout: Rollout) -> tuple[Policy, ...]:
    """The rules that a value which the client makes must pass: of the plan's own in both revisions, else the file's."""
    return tuple(POLICIES.values()) if is_plans(rollout) else (policy_of(rollout),)


def received(lines: Sequence[bytes]) -> str | None:
    """What `Headers.get` returns for these lines: None when there is no line, else a string of latin-1 characters."""
    return NODE.text(lines)


def refused(line: bytes) -> bool:
    """Whether HTTP refuses a header line with this value, whatever the rule: it holds a byte outside `FIELD_BYTES`."""
    return bool(line.translate(None, FIELD_BYTES))


def utf16_length(text: str) -> int:
    """JavaScript's `String.length`: characters beyond U+FFFF count twice."""
    return len(code_units(text))


def _revision(name: str) -> Policy:
    """The rule of the plan in one of its revisions, whose folder has it."""
    return replace(policy_of(load_rollout(policy_folder(name))), name=name)


STRICT: Final = _revision("strict")
LENGTH_ONLY: Final = _revision("length-only")
POLICIES: Final = {policy.name: policy for policy in (STRICT, LENGTH_ONLY)}
"""What `--policy` names, for one release: each is another name of a folder's rule."""


def digest_of(policy: str) -> str:
    """The digest of the rollout that a policy is the rule of: `sha256:` and hexadecimal."""
    return rollout_digest(load_rollout(policy_folder(policy)))
