"""What a fuzzer found: kept in a file, and told so that it can be seen again by copying one line."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.checks.gate import DATABASE
from harness.clients.by_hand import line_by_hand
from harness.data import state_path
from harness.probing.probe_factory import plan_caller
from harness.report.escape import masked
from harness.rule import notation
from harness.rule.samples import CaseSequence
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


def report_find(
    found: Counterexample, options: FuzzedOptions, folder: Path, *, function: bool = False
) -> list[str]:
    """Stores a find in a file of the folder and returns what to print: claim, header, effect, how to see it again.

    With `function` nothing was sent, so there is nothing to send again.
    """
    first = found.findings[0]
    lines = [f"found: {first.claim} refuted: {first.effect}"]
    lines += [
        f"    {name:<8} {value}" for name in ("request", "reply", "row") if (value := getattr(first, name))
    ]
    for case in (case for sequence in found.example for case in sequence):
        lines += [f"    header   {notation.written(line)}" for line in case.lines] or ["    header   none"]
    if function:
        return lines
    reference = options.target == REFERENCE
    target, model = ("", "") if reference else (options.target, options.model)
    effect = options.given.masked(first.effect)
    reproduction = Reproduction(
        found.example, options.build, options.policy, effect=effect, target=target, free_model=model
    )
    file, stored = _stored(reproduction, folder)
    url = SERVED if reference else options.target
    sent = plan_caller(options.model).sequence(found.example[0], address="192.0.2.1")
    requests = [options.given.added(probe.request) for probe in sent]
    lines.append(f"    stored   {stored}")
    if file is not None:
        lines.append(f"    replay   harness replay {shlex.quote(str(file))}{_options(options)}")
    if reference:
        lines.append(f"    serve    harness serve --build {options.build} --policy {options.policy}")
    lines += [f"    send     {line_by_hand(request, url, options.given.hidden)}" for request in requests]
    return [options.given.masked(line) for line in lines]


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


def _options(options: FuzzedOptions) -> str:
    """What leads a replay to where the find was made; a DSN with a password is left to the environment."""
    if options.target == REFERENCE:
        is_usual = (
            options.postgres == FuzzedOptions().postgres or masked(options.postgres) != options.postgres
        )
        return (
            options.given.options
            if is_usual
            else f" --postgres {shlex.quote(options.postgres)}{options.given.options}"
        )
    dsn = options.database_url or ""
    database = DATABASE if masked(dsn) != dsn else f"--database-url {shlex.quote(dsn)}"
    wait = "" if options.wait_s is None else f" --wait-rows {options.wait_s:g}"
    model = shlex.quote(options.model)
    return f" {target_options(options.target)} --free-model {model} {database}{wait}{options.given.options}"
