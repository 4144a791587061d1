"""The reference pages of docs/, made from the code: `python -m tests.reference` writes them, a test compares them.

`commands.md` has what `harness COMMAND --help` says, `claims.md` every claim with the plan's words for it, `json.md`
the documents of `--json`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from harness import plan
from harness.checks.own_migration import OWN_CLAIMS
from harness.cli import app
from harness.cli.exit_codes import SENTENCE
from harness.run.gate_claims import claims_of as gate_claims
from harness.verdict import Claim
from tests import reference_json

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE: Final = "<!-- made by python -m tests.reference -->"
WIDTH: Final = 100
KINDS: Final = {
    "V": "The header rule",
    "C": "Old clients and old builds",
    "I": "Who is accounted",
    "R": "Rows",
    "D": "What the database holds",
    "M": "The migration",
    "O": "Orders of the rollout",
    "E": "The extension",
    "A": "The plan's own sentences",
    "Y": "A migration of your own",
}


def commands() -> str:
    """The page of all commands and options."""
    return "\n".join(_commands()) + "\n"


def _commands() -> Iterator[str]:
    yield from ("# Commands", "", MADE, "")
    yield f"{SENTENCE} They are the same everywhere; each command says what is good and bad to it."
    for path, command in _all(app, ()):
        command._help_option = (
            None  # as a user sees it: click keeps the option as a context first asked for it
        )
        names = app.context_settings["help_option_names"]
        name = " ".join(("harness", *path))
        context = click.Context(command, info_name=name, max_content_width=WIDTH, help_option_names=names)
        context.terminal_width = WIDTH
        yield from ("", f"## harness {' '.join(path)}", "", "```text", command.get_help(context), "```")


def _all(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _all(command, (*path, name))


def claims() -> str:
    """The page of all claims."""
    return "\n".join(_claims()) + "\n"


def known_claims() -> dict[str, Claim]:
    """Every claim of the plan's rollout, by its id."""
    lists = (
        *(plan.CLAIMS, plan.MIGRATION_CLAIMS, plan.ORDER_CLAIMS, plan.EXTENSION_CLAIMS, plan.GATE_CLAIMS),
        (plan.RULE_CLAIM, plan.EXPLORATION_CLAIM, plan.ROLL_BACK_CLAIM, plan.AUDIT_CLAIM),
        (plan.STALL_CLAIM, plan.RECOVERY_CLAIM, plan.LOCKS_CLAIM, plan.RUNNER_CLAIM),
        tuple(claim for claim, *_ in (*plan.AUDIT, *plan.EXTENSION_AUDIT, *plan.MIGRATION_AUDIT)),
        tuple(claim for claim, *_ in plan.RESTING_AUDIT),
        OWN_CLAIMS,
    )
    return {claim.id: claim for each in lists for claim in each}


def _claims() -> Iterator[str]:
    yield from ("# Claims", "", MADE, "")
    yield "Each claim is proven, refuted or unknown; unknown never counts as good. An id is never reused. `gate` says"
    yield "whether the release gate judges it. A claim of your own is X and a number: [library.md](../library.md)."
    asked = {claim.id for build in ("before", "after") for claim in gate_claims(build)}
    known = known_claims()
    for kind, title in KINDS.items():
        mine = [claim for name, claim in known.items() if re.sub(r"[0-9]", "", name) == kind]
        yield from ("", f"## {title}", "", "| id | claim | gate | the plan's words |", "|---|---|---|---|")
        for claim in sorted(mine, key=lambda claim: int(claim.id[1:])):
            quote = f"{_cell(claim.quote)} ({_cell(claim.section)})" if claim.quote else _cell(claim.section)
            yield f"| {claim.id} | {_cell(claim.sentence)} | {'yes' if claim.id in asked else ''} | {quote} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("*", r"\*")


def documents() -> str:
    """The page of all documents of --json."""
    return "\n".join(["# Documents of `--json`", "", MADE, "", *reference_json.documents()]) + "\n"


PAGES: Final = {"commands.md": commands, "claims.md": claims, "json.md": documents}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page, make in PAGES.items():
        (FOLDER / page).write_text(make(), encoding="utf-8")
