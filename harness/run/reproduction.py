"""A find as a file that can be sent again: JSON (`harness.replay/1`), header bytes written as printable ASCII."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.clients.extension import Auth
from harness.errors import UsageError
from harness.rule import notation
from harness.rule.cases import CaseSequence, HeaderCase, Kind
from harness.rule.policy import POLICIES

SCHEMA: Final = "harness.replay/1"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What to send again, and to which build under which policy."""

    sequences: tuple[CaseSequence, ...]
    """Each goes over a connection of its own, request by request."""
    build: str = "after"
    policy: str = "strict"
    auth: Auth = Auth.ANONYMOUS
    stream: bool = False
    effect: str = ""
    """What was seen when it was found."""
    target: str = ""
    """URL of the backend that it was found in; empty: a build of the reference."""
    free_model: str = ""
    """The model that was asked for there."""
    rollout: str = ""
    """The name of the rollout that it is of; empty: the plan's own, in the revision of the policy."""


def write_reproduction(reproduction: Reproduction, folder: Path) -> Path:
    """Stores a recipe under a name made of its content, so that the same find is one file; returns the file."""
    document = {
        "schema": SCHEMA,
        "build": reproduction.build,
        "policy": reproduction.policy,
        "auth": str(reproduction.auth),
        "stream": reproduction.stream,
        "effect": reproduction.effect,
        **(
            {"target": reproduction.target, "free_model": reproduction.free_model}
            if reproduction.target
            else {}
        ),
        **({"rollout": reproduction.rollout} if reproduction.rollout else {}),
        "sequences": [
            [[notation.written(line) for line in case.lines] for case in each]
            for each in reproduction.sequences
        ],
    }
    text = json.dumps(document, indent=2) + "\n"
    file = folder / f"harness-find-{hashlib.sha256(text.encode()).hexdigest()[:10]}.json"
    file.write_text(text, encoding="utf-8")
    return file


def read_reproduction(file: Path) -> Reproduction:
    """The recipe in a file. Raises UsageError when there is none, naming what is wrong with it."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no file {file}; name one that harness fuzz has written") from None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read {file} as JSON: {error}; name one that harness fuzz has written"
        ) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError(f"{file} is no recipe of schema {SCHEMA}; name one that harness fuzz has written")
    try:
        return _reproduction(document)
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        reason = f"{type(error).__name__} {error}"
        raise UsageError(f"{file} is damaged: {reason}; find it again with harness fuzz") from None


def _reproduction(document: dict[str, Any]) -> Reproduction:
    policy = document["policy"]
    if policy not in POLICIES and not document.get("rollout"):
        raise ValueError(f"unknown policy {policy!r}")
    sequences = tuple(tuple(case_of(lines) for lines in sequence) for sequence in document["sequences"])
    if not sequences or not all(sequences):
        raise ValueError("a sequence without a request, which would prove nothing")
    return Reproduction(
        sequences,
        str(document["build"]),
        policy,
        Auth(document["auth"]),
        bool(document["stream"]),
        str(document["effect"]),
        str(document.get("target", "")),
        str(document.get("free_model", "")),
        str(document.get("rollout", "")),
    )


def case_of(lines: Sequence[str]) -> HeaderCase:
    """The case that these written lines make up."""
    read = tuple(notation.read(line) for line in lines)
    return HeaderCase(read, Kind.BYTES if read else Kind.ABSENT)
