"""The report as types that are its JSON (`harness.report/1`). Every other format renders them. Pure.

Fields are stable within version 1: new ones may be added, none is renamed, dropped or given another meaning. Where a
field was added after the first edition it has a default, so that the first edition's reports are read, too.
`docs/report.schema.json` says the same as JSON Schema; `harness.report.schema` makes it from these types.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from operator import is_
from typing import Annotated, Any, Final, Self, cast

from msgspec import Meta, Struct, ValidationError, convert, field, msgpack, structs, to_builtins

from harness.errors import UsageError
from harness.report.contents import Seconds, Sections
from harness.report.escape import masked
from harness.verdict import Count, Judgement, Verdict, decide

SCHEMA: Final = "harness.report/1"


def harness_version() -> str:
    """Version of the installed package; `unknown` when it runs from a checkout that is not installed."""
    try:
        return version("rollout-harness")
    except PackageNotFoundError:
        return "unknown"


class Input(Struct, frozen=True):
    """A file that the verdict depends on: migrations, queries, the rule."""

    name: str
    """Path below the harness's own folder, with slashes: `fixtures/rollouts/kilo/0000_baseline.sql`."""
    sha256: str
    """Hexadecimal."""


class JudgedBuild(Struct, frozen=True):
    """Which build was judged."""

    build: str
    """A commit in 40 hexadecimal digits, or `sha256:` with 64."""
    read_from: str = ""
    """Where the backend said so, at the start and at the end; empty where only the user said it."""


class ShardReport(Struct, frozen=True):
    """Which part of the header rule's suite a report is of, and what was sent of it."""

    number: Annotated[int, Meta(ge=1)]
    of: Annotated[int, Meta(ge=2)]
    probes: Count
    """Headers of the suite that were sent."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """Sum of their SHA-256, modulo 2^256: those of all shards add up to that of the suite."""
    controls: Count
    """Requests without the header, which each shard sends for itself."""


class Required(Struct, frozen=True):
    """A claim in the list that a report was judged by."""

    id: str
    sentence: str
    required: bool = True
    whose: str = "harness"
    """`harness`, or `user`."""


class JudgedBy(Struct, frozen=True):
    """What a report was judged by: the command with its scope, and each claim."""

    command: str
    scope: tuple[str, ...]
    """What of the command says which claims there are, beside the level: a build, the parts of a rehearsal."""
    claims: tuple[Required, ...]

    @classmethod
    def of(cls, command: str, scope: Iterable[str], judgements: Iterable[Judgement]) -> Self:
        """The list of a report that the harness makes."""
        claims = (
            Required(
                judgement.id, judgement.sentence, whose="user" if judgement.id.startswith("X") else "harness"
            )
            for judgement in judgements
        )
        return cls(command, tuple(scope), tuple(claims))


class Report(Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """What a run did and what came of it.

    Raises ValueError for a verdict that does not follow from the judgements.
    """

    harness: str
    """Version that judged, which need not be the one that renders."""
    verdict: Verdict
    """Follows from the claims."""
    consequence: str = ""
    """What a NO-GO means for whoever would deploy, one or two sentences; stands first."""
    label: str = ""
    """The user's own words for the run."""
    subject: str = ""
    """What is rolled out: the name of the header."""
    command: str
    """The command line that repeats the run, secrets masked."""
    target: str = ""
    """What was judged: a URL and the build expected there; empty where it is the reference."""
    server: str
    """Kind and version of the Postgres."""
    policy: str
    """Name of the header rule."""
    level: str
    """How much was sent."""
    extra_states: Count = 0
    """States beyond those of the rule, of implementations for which the suite that was sent is complete."""
    seed: Count
    """Seed of everything random."""
    started: str
    """UTC, ISO 8601."""
    seconds: Seconds
    """How long the run took."""
    rollout: str = ""
    """Digest of the rollout's folder, and of those that it extends: `sha256:` and hexadecimal."""
    deployed: JudgedBuild | None = None
    """Null where neither the user nor the backend said which build it is."""
    shard: ShardReport | None = None
    """Null where the whole suite was sent. What is of a shard is no verdict: `harness report merge` makes one."""
    inputs: tuple[Input, ...] = ()
    plan: tuple[str, ...] = ()
    """What the run did, a line for each step."""
    remarks: tuple[str, ...] = ()
    """What a reader should know beside the claims; none of it changes the verdict."""
    judged_by: JudgedBy | None = None
    """Null in reports of the first edition."""
    judgements: tuple[Judgement, ...] = field(name="claims")
    sections: Sections = field(default_factory=Sections)

    def __post_init__(self) -> None:
        follows = decide(self.judgements)
        if self.verdict is not follows:
            raise ValueError(f"its verdict is {self.verdict}, but {follows} follows from its claims")


def to_json(report: Report) -> str:
    """The report as JSON text with a final newline, ASCII only, keys in a fixed order, secrets masked."""
    written = structs.replace(cleaned(report), seconds=round(report.seconds, 3))
    # By the standard library: texts from the wire may hold lone surrogates, which UTF-8 has no bytes for.
    return json.dumps(to_builtins(written), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def from_json(text: str) -> Report:
    """The report that a text of `to_json` holds, also one of a later harness with fields that are unknown here.

    Sections that are unknown here are named in a remark. Raises UsageError for another schema, a missing field, one
    of another type, a key that is there twice, and a verdict that does not follow from the claims.
    """
    try:
        document = parsed(text)
    except ValueError as error:
        raise UsageError(f"this is no JSON: {error}; name a file that --json has written") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise UsageError(f"schema {schema!r} is not {SCHEMA}; name a file that --json has written")
    try:
        report = convert(document, Report)
    except ValidationError as error:
        raise UsageError(f"the report was changed since, or is damaged: {error}; run it again") from None
    unknown = sorted(document.get("sections", {}).keys() - set(Sections.__struct_fields__))
    if not unknown:
        return report
    remark = f"not shown: {', '.join(unknown)}, of a later harness; see the JSON"
    return structs.replace(report, remarks=(*report.remarks, remark))


def parsed(text: str | bytes) -> Any:
    """What a JSON text holds. Raises ValueError, for a key that is there twice, too: others read the other one."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_without_duplicates)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found


def cleaned(
    report: Report, mask: Callable[[str], str] = masked, is_in: Callable[[bytes], bool] = lambda _: True
) -> Report:
    """The same without secrets in any of its texts.

    `is_in` tells whether octets hold any: where all texts of the report hold none, each by itself is not masked.
    """
    try:
        octets = msgpack.encode(report)  # which has each text as it is
    except UnicodeEncodeError:  # of a half of a character
        return cast("Report", _cleaned(report, mask))
    return cast("Report", _cleaned(report, mask)) if is_in(octets) else report


def _cleaned(value: Any, mask: Callable[[str], str]) -> Any:
    """The value itself where nothing in it is masked: nearly all of a report is as it was."""
    if isinstance(value, str):
        return value if isinstance(value, Enum) else mask(value)
    if isinstance(value, tuple | list):
        items = [_cleaned(item, mask) for item in value]
        return value if all(map(is_, items, value)) else type(value)(items)
    if isinstance(value, dict):
        return {key: _cleaned(item, mask) for key, item in value.items()}
    if isinstance(value, Struct):
        changes = _changes(value, value.__struct_fields__, mask)
        return structs.replace(value, **changes) if changes else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (known.name for known in dataclasses.fields(value))
        changes = _changes(value, names, mask)
        return dataclasses.replace(value, **changes) if changes else value
    return value


def _changes(value: Any, names: Iterable[str], mask: Callable[[str], str]) -> dict[str, Any]:
    """The fields that are not as they were."""
    held = ((name, getattr(value, name)) for name in names)
    return {name: cleaned for name, was in held if (cleaned := _cleaned(was, mask)) is not was}
