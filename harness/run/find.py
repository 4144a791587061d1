"""What a fuzzer found: kept in a file, and told so that it can be seen again by copying one line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.clients.wire import replay_line
from harness.headers import notation
from harness.headers.samples import CaseSequence
from harness.run.headers import probes
from harness.run.recipe import Recipe, write_recipe
from harness.run.subject import REFERENCE, SubjectOptions, address_of
from harness.verdict import Finding

SERVED: Final = ("127.0.0.1", 3000)
"""Where `harness serve` listens unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Find:
    """The smallest example found that refutes a claim."""

    example: tuple[CaseSequence, ...]
    findings: tuple[Finding, ...]


def report_find(found: Find, options: SubjectOptions, folder: Path, *, function: bool = False) -> list[str]:
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
    file = write_recipe(Recipe(found.example, options.build, options.policy, effect=first.effect), folder)
    reference = options.target == REFERENCE
    target = (
        ""
        if reference
        else f" --target {options.target} --free-model {options.free_model} --database-url ..."
    )
    address = SERVED if reference else address_of(options.target)
    sent = probes(found.example[0], "192.0.2.1", model=options.free_model)
    return [
        *lines,
        f"    stored   {file}",
        f"    replay   harness replay {file}{target}",
        *(
            [f"    serve    harness serve --build {options.build} --policy {options.policy}"]
            if reference
            else []
        ),
        *(f"    send     {replay_line(probe.request, address)}" for probe in sent),
    ]
