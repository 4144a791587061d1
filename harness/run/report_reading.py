"""Reading a stored report: what it says must follow from what it holds, or it is not shown."""

import shlex
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Final

from harness import plan
from harness.checks.checkout_claims import claims_of as claims_of_check
from harness.data import policy_folder, rule_path
from harness.errors import UsageError
from harness.report.check import faults, request_faults
from harness.report.document import Report, from_json
from harness.rollout import load_rollout
from harness.rule.level import EXTRA_STATES_MAX, Level
from harness.rule.policy import POLICIES, digest_of
from harness.run.gate_claims import DATABASE_CLAIMS, NEVER_WAIVED, WITHOUT
from harness.run.gate_claims import claims_of as claims_of_gate
from harness.run.options.rehearse import JUDGED, OWN_MIGRATION, RehearsalPart
from harness.verdict import Claim

UNBOUNDED: Final = ("V2",)
"""Never waived, but not asked of a rule without a bound, such as a list of words."""
SINCE_THE_FIRST: Final = ("R3",)
"""Claims that reports which lack the list of their claims were not judged by."""


def read_report(file: Path) -> Report:
    """The report that is stored in a file, or comes on standard input for `-`.

    Raises UsageError when there is none, or when it does not hold together.
    """
    try:
        text = sys.stdin.buffer.read().decode() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {file}: {getattr(error, 'strerror', None) or error}; name a file that --json has written"
        ) from None
    return read_text(text, "standard input" if str(file) == "-" else str(file))


def read_text(text: str, name: str) -> Report:
    """The same from a text; `name` is where it comes from. Raises UsageError."""
    try:
        report = from_json(text)
        found = list(faults_of(report))
    except UsageError as error:
        raise UsageError(f"cannot render {name}: {error}") from None
    if found:
        raise UsageError(
            f"cannot render {name}: it was changed since, or is not whole: {'; '.join(found)}; run it again"
        )
    return report


def faults_of(report: Report) -> Iterator[str]:
    """What does not hold, a line each. Raises UsageError for an unknown command."""
    command, _ = _of(report)
    required = required_of(report)
    yield from faults(report, required, NEVER_WAIVED if command == "gate" else ())
    if report.extra_states > EXTRA_STATES_MAX:
        yield f"its extra states are {report.extra_states}, above {EXTRA_STATES_MAX}"
    yield from _option_faults(report)
    yield from _policy_faults(report)
    if command == "gate":
        yield from request_faults(report, set(required) - set(DATABASE_CLAIMS), NEVER_WAIVED)


def _option_faults(report: Report) -> Iterator[str]:
    """Where the command line gives something else than the report says that was used."""
    used = {
        "--policy": report.policy,
        "--level": report.level,
        "--seed": str(report.seed),
        "--extra-states": str(report.extra_states),
    }
    for option, value in _given(report):
        if option in used and used[option] != value:
            yield f"its {option[2:]} is {used[option]!r}, and its command says {option} {value}"


def _policy_faults(report: Report) -> Iterator[str]:
    """Where the policy is unknown, or a sentence or the rule among the inputs is that of another one."""
    if is_of_another(report) or OWN_MIGRATION in _of(report)[1]:
        return  # its claims are worded by its file, which is not here
    if report.policy not in POLICIES:
        yield f"its policy {report.policy!r} is none of {', '.join(sorted(POLICIES))}"
        return
    wordings = {
        policy: {claim.id: claim.sentence for claim in plan.claims_under(policy, plan.CLAIMS)}
        for policy in POLICIES
    }
    own = wordings.pop(report.policy)
    files = [PurePosixPath(file.name) for file in report.inputs]
    folders = {file.parent.name for file in files if file.name == rule_path(report.policy).name}
    for policy, wording in wordings.items():
        for judgement in report.judgements:
            if judgement.sentence == wording.get(judgement.id) != own[judgement.id]:
                yield f"{judgement.id} has the sentence of policy {policy}, and its policy is {report.policy}"
        if policy_folder(policy).name in folders:
            yield f"its inputs hold the rule of policy {policy}, and its policy is {report.policy}"


def is_of_another(report: Report) -> bool:
    """Whether a report is of another rollout than the plan's, by its digest: its file says which claims apply."""
    return report.policy not in POLICIES and report.rollout not in {"", *map(digest_of, POLICIES)}


def required_of(report: Report) -> tuple[str, ...]:
    """Ids of the claims that its command, scope and level require. Raises UsageError for an unknown command."""
    command, scope = _of(report)
    try:
        # What each of the other commands imports to run takes a second.
        if command == "prove":
            from harness.run import proof_claims

            claims = _without(report, proof_claims.claims_of(Level(report.level)), scope)
        elif command == "gate":
            Level(report.level)
            claims = claims_of_gate("before" if "before" in scope else "after")
            claims = _without(report, claims, scope)
        elif command == "rehearse":
            from harness.run import rehearsal_claims

            return _told_apart(rehearsal_claims.required_in(scope))
        elif command == "check":
            claims = claims_of_check(scope, load_rollout().tables)
        elif command == "selftest":
            claims = plan.SELFTEST_CLAIMS
        else:
            raise UsageError(f"it is of the command {command!r}, which judges nothing")
    except ValueError as error:
        raise UsageError(f"it was judged by what is not known here: {error}") from None
    ids = _told_apart(claim.id for claim in claims)
    return ids if report.judged_by else tuple(each for each in ids if each not in SINCE_THE_FIRST)


def _told_apart(ids: Iterable[str]) -> tuple[str, ...]:
    """Without the sentences of the plan, which a report has beside its claims."""
    sentences = [claim.id for claim, _, _ in plan.MIGRATION_AUDIT]
    return tuple(name for name in ids if name not in sentences)


def _without(report: Report, claims: Iterable[Claim], scope: Iterable[str]) -> tuple[Claim, ...]:
    """The claims but those that do not apply to the report's rollout, as its scope says; some always do."""
    left_out = {word.removeprefix(WITHOUT) for word in scope if word.startswith(WITHOUT)}
    gone = left_out - ({*NEVER_WAIVED} - {*UNBOUNDED}) if is_of_another(report) else set()
    return tuple(claim for claim in claims if claim.id not in gone)


def _of(report: Report) -> tuple[str, tuple[str, ...]]:
    """Command and scope; of a report without its list by its command line."""
    if report.judged_by is not None:
        return report.judged_by.command, report.judged_by.scope
    words = _words(report)
    command = words[1] if len(words) > 1 else ""
    given = _given(report)
    scope = tuple(value for option, value in given if option in ("--build", "--part"))
    if command == "rehearse":
        is_judged = any(option == "--max-stall-ms" for option, _ in given)
        return command, (*(scope or map(str, RehearsalPart)), *([JUDGED] if is_judged else []))
    return command, scope


def _given(report: Report) -> list[tuple[str, str]]:
    """Each option of its command line with its value."""
    words = [part for word in _words(report) for part in word.split("=", 1)]
    return [(option, value) for option, value in pairwise(words) if option.startswith("--")]


def _words(report: Report) -> list[str]:
    try:
        return shlex.split(report.command)
    except ValueError:
        return report.command.split()
