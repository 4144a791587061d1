"""What `harness accept` and `harness keys new` may be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from harness.rule.level import Level
from harness.run.options.definition import Argument, Option, PlaceValue
from harness.run.options.shared import TARGET, JsonOption


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOptions:
    """Which stored verdict is looked at, whose it may be, and what it must fit."""

    file: Annotated[Path, Argument(stdin=True)]
    keys: Annotated[
        tuple[Path, ...],
        Option(
            "Public key of the pipeline that signed (Ed25519, PEM); may be repeated while keys are rotated: one that "
            "has signed is enough. Without it the text of HARNESS_VERIFY_KEY. Example: --key gate.pub",
            name="--key",
            metavar="FILE",
        ),
    ] = ()
    unsigned: Annotated[
        bool,
        Option(
            "Go without a signature: whoever can write the file can write a verdict. Every output says so."
        ),
    ] = False
    target: Annotated[
        str,
        Option(
            "The backend that must have been judged, without a path. Example: --target https://api.example.com",
            metavar="URL",
            group=TARGET,
        ),
        PlaceValue(),
    ] = ""
    deployed: Annotated[
        str,
        Option(
            "The build that must have been judged: a whole commit, or sha256: and the digest of an image.",
            metavar="SHA",
            group=TARGET,
        ),
        PlaceValue(),
    ] = ""
    rollout: Annotated[
        str,
        Option(
            "What must have been rolled out: the rollout's folder, or its digest. Example: --rollout "
            "rollouts/order-origin",
            metavar="DIR|sha256:HEX",
            variable="HARNESS_ROLLOUT",
            group=TARGET,
        ),
        PlaceValue(),
    ] = ""
    level: Annotated[Level | None, Option("The least that must have been sent.")] = None
    max_age: Annotated[
        str,
        Option("How long ago the run may have begun: a number with s, m, h or d.", metavar="AGE"),
    ] = "24h"
    allowed_waivers: Annotated[
        frozenset[str],
        Option(
            "A claim that may be unknown if the gate's user waived it, by its id; may be repeated. Example: "
            "--allow-waiver I1",
            name="--allow-waiver",
            metavar="ID",
        ),
    ] = frozenset()
    json: Annotated[Path | None, Option("Write what was decided as JSON.", metavar="FILE")] = None


@dataclass(frozen=True, slots=True)
class NewKeysOptions:
    """Where a new pair of keys is written."""

    file: Annotated[Path, Argument()]
    json_output: JsonOption = False
