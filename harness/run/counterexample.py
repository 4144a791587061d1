"""What a fuzzer found: kept in a file, and told so that it can be seen again by copying one line."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from msgspec import Struct

from harness.checks.gate import DATABASE
from harness.clients.by_hand import line_by_hand
from harness.clients.extra_headers import ExtraHeaders
from harness.data import state_path
from harness.report.escape import masked
from harness.rule import notation
from harness.rule.cases import CaseSequence
from harness.run.options.fuzz import REFERENCE, FuzzedOptions
from harness.run.reproduction import Reproduction, write_reproduction
from harness.sut.hosts import target_options
from harness.verdict import Finding

SERVED: Final = "http://127.0.0.1:3000"
"""Where `harness serve` listens unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest example found that refutes a claim."""

    example: tuple[CaseSequence, ...]
    findings: tuple[Finding, ...]
    behaviour: str = ""
    """What explains every answer of the hunt, where a claim of the rule is refuted."""


class StoredCounterexample(Struct, frozen=True, kw_only=True):
    """What fuzz has found, as it is stored and printed, with the lines that show it again."""

    findings: tuple[Finding, ...]
    """What refutes, the lightest first."""
    headers: tuple[str, ...]
    """The header lines of the example, bytes beyond printable ASCII as \\xNN; `none` for a request without any."""
    behaviour: str = ""
    """What the backend does with the header, as every answer of the hunt shows it; empty where that is not known."""
    stored: str = ""
    """The file that it is kept in, or why there is none; empty where nothing was sent."""
    replay: str = ""
    """A line to copy that sends it again and judges it."""
    serve: str = ""
    """A line to copy that serves the build it was found in."""
    send: tuple[str, ...] = ()
    """Lines to copy that send its first requests by hand."""


def masked_finding(finding: Finding, given: ExtraHeaders) -> Finding:
    """A finding without values of headers that were given for a protected site."""
    return replace(
        finding,
        condition=given.masked(finding.condition),
        effect=given.masked(finding.effect),
        request=given.masked(finding.request),
        reply=given.masked(finding.reply),
        row=given.masked(finding.row),
        replay=given.masked(finding.replay),
    )


def describe_counterexample(counterexample: StoredCounterexample) -> list[str]:
    """What to print of it."""
    first = counterexample.findings[0]
    lines = [f"found: {first.claim} refuted: {first.effect}"]
    lines += [
        f"    {name:<8} {value}" for name in ("request", "reply", "row") if (value := getattr(first, name))
    ]
    lines += [f"    header   {header}" for header in counterexample.headers]
    lines += [f"    backend  {counterexample.behaviour}"] if counterexample.behaviour else []
    lines += [
        f"    {name:<8} {value}"
        for name in ("stored", "replay", "serve")
        if (value := getattr(counterexample, name))
    ]
    return lines + [f"    send     {line}" for line in counterexample.send]


def store_counterexample(
    found: Counterexample, options: FuzzedOptions, folder: Path, *, function: bool = False
) -> StoredCounterexample:
    """Stores a find in a file of the folder; no value of a header that was given for a protected site is in it.

    With `function` nothing was sent, so there is nothing to send again.
    """
    masked = options.given.masked
    findings = tuple(masked_finding(finding, options.given) for finding in found.findings)
    cases = [case for sequence in found.example for case in sequence]
    headers = [
        masked(header) for case in cases for header in [*map(notation.written, case.lines)] or ["none"]
    ]
    if function:
        return StoredCounterexample(findings=findings, headers=tuple(headers))
    reference = options.target == REFERENCE
    target, model = ("", "") if reference else (options.target, options.model)
    reproduction = Reproduction(
        found.example,
        options.build,
        options.under_test.policy.name,
        effect=findings[0].effect,
        target=target,
        free_model=model,
        rollout="" if options.under_test.is_plans else options.under_test.rollout.name,
    )
    file, stored = _stored(reproduction, folder)
    url = SERVED if reference else options.target
    sent = options.under_test.caller("after").sequence(found.example[0], address="192.0.2.1")
    requests = [options.given.added(probe.request) for probe in sent]
    return StoredCounterexample(
        findings=findings,
        headers=tuple(headers),
        behaviour=masked(found.behaviour),
        stored=stored,
        replay=masked(f"harness replay {shlex.quote(str(file))}{_options(options)}")
        if file is not None
        else "",
        serve=f"harness serve --build {options.build}{_judged_by(options)}" if reference else "",
        send=tuple(masked(line_by_hand(request, url, options.given.hidden)) for request in requests),
    )


def _stored(reproduction: Reproduction, folder: Path) -> tuple[Path | None, str]:
    """The file, in the user's state where the folder cannot be written; None where neither can. And what to print."""
    why = ""
    for each in (folder, state_path("finds")):
        try:
            each.mkdir(parents=True, exist_ok=True)
            file = write_reproduction(reproduction, each)
        except OSError as error:
            why = why or f"{each.absolute()} cannot be written: {error.strerror}"
        else:
            return file, f"{file}{f' ({why})' if why else ''}"
    return (
        None,
        f"nowhere: {why}; make the folder writable, or run it again in another one with the same --seed",
    )


def _judged_by(options: FuzzedOptions) -> str:
    """Which rule the reference is held to."""
    if options.under_test.is_plans:
        return f" --policy {options.under_test.policy.name}"
    return f" --rollout {shlex.quote(str(options.under_test.rollout.folders[0]))}"


def _options(options: FuzzedOptions) -> str:
    """What leads a replay to where the find was made; a DSN with a password is left to the environment."""
    if options.target == REFERENCE:
        is_usual = (
            options.postgres == FuzzedOptions().postgres or masked(options.postgres) != options.postgres
        )
        rollout = "" if options.under_test.is_plans else _judged_by(options)
        postgres = "" if is_usual else f" --postgres {shlex.quote(options.postgres)}"
        return f"{rollout}{postgres}{options.given.options}"
    dsn = options.database_url or ""
    database = DATABASE if masked(dsn) != dsn else f"--database-url {shlex.quote(dsn)}"
    wait = "" if options.wait_s is None else f" --wait-rows {options.wait_s:g}"
    if options.under_test.is_plans:  # the file says which policy
        rollout = f"--free-model {shlex.quote(options.model)}"
    else:
        rollout = options.under_test.options
    return f" {target_options(options.target)} {rollout} {database}{wait}{options.given.options}"
