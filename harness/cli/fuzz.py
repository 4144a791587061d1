"""The commands that hunt for a header that is treated wrongly, and that send a find again."""

from pathlib import Path
from typing import Any

import click

from harness.cli.hosts import allow_host_option, check_host
from harness.cli.options import (
    busy,
    policy_option,
    postgres_option,
    request_header_option,
    say,
    seed_option,
)
from harness.cli.values import WEEK_S, Count, Finite, Place, PlaceOption
from harness.errors import UsageError

target_option = click.option(
    "--target",
    cls=PlaceOption,
    type=Place(),
    default="reference",
    show_default=True,
    metavar="URL",
    help="reference, or the URL of your own backend; with a URL, --database-url says where its rows are. "
    "Example: --target http://127.0.0.1:3000 --database-url postgresql://me@localhost/backend",
)
replay_target_option = click.option(
    "--target",
    cls=PlaceOption,
    type=Place(),
    metavar="URL",
    help="As for fuzz; by default what the file names, or reference.",
)
database_option = click.option(
    "--database-url",
    cls=PlaceOption,
    type=Place(),
    envvar="HARNESS_DATABASE_URL",
    show_envvar=True,
    metavar="DSN",
    help="Database of a --target URL; the harness only reads it.",
)
build_option = click.option(
    "--build",
    default="after",
    show_default=True,
    metavar="NAME",
    help="Build of the reference backend; a faulty one shows what a find looks like. Example: --build limit-256",
)
model_option = click.option(
    "--free-model",
    metavar="ID",
    help="A model that a --target URL serves without an account. Example: --free-model vendor/model:free",
)
wait_option = click.option(
    "--wait-rows",
    type=Finite(0.1, WEEK_S),
    metavar="SECONDS",
    help="Longest wait for the rows of a reply of a --target URL. By default the first may take 60 s, later ones three "
    "times as long, at least 5 s.",
)
journal_option = click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where requests to a --target URL are noted before they are sent, for harness clean. By default in "
    "$XDG_STATE_HOME/rollout-harness/runs (~/.local/state/rollout-harness/runs).",
)


@click.command(short_help="Hunt for a header that is treated otherwise than the rule says.")
@target_option
@database_option
@build_option
@model_option
@wait_option
@journal_option
@request_header_option
@allow_host_option
@policy_option
@postgres_option
@seed_option
@click.option(
    "--seconds",
    type=Finite(0.1, WEEK_S),
    default=60.0,
    show_default=True,
    help="How long to hunt.",
)
@click.option("--examples", type=Count(), help="Hunt for so many examples instead. Example: --examples 500")
@click.option(
    "--function", is_flag=True, help="Compare Python's rule with Node's instead; no server is started."
)
@click.option(
    "--list-builds", is_flag=True, help="Name the reference's builds, the faulty ones too, and end."
)
@click.option(
    "--example-db",
    default=".hypothesis/examples",
    show_default=True,
    metavar="DIR|URL",
    help="Where Hypothesis keeps examples; a redis:// URL shares them between machines.",
)
def fuzz(**given: Any) -> int:
    """Hunts with Hypothesis; what it finds is shrunk to a minimal header, stored as a file, and can be replayed.

    A --target URL is judged as by the gate: what differs is tried again before it is believed. Requests are noted in a
    journal before they are sent, and harness clean deletes the rows that they left.

    Exit codes: 0 nothing found, 1 found, 3 could not run. Example: harness fuzz --seconds 20 --build limit-256
    """
    if given["list_builds"]:
        from harness.backend.defects import build_lines

        for line in build_lines():
            say(line)
        return 0
    from harness.run.find import report_find
    from harness.run.fuzz import FuzzOptions, fuzz

    options = FuzzOptions(
        subject_options(given),
        seconds=given["seconds"],
        examples=given["examples"],
        function=given["function"],
        seed=given["seed"],
        example_db=given["example_db"],
    )
    with busy("fuzzing") as tell:
        found = fuzz(options, say, tell)
    if found is None:
        say("nothing found")
        return 0
    for line in report_find(found, options.subject, Path(), function=options.function):
        say(line)
    return 1


@click.command(short_help="Send a find again and say whether it still fails.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--line",
    "lines",
    multiple=True,
    metavar="'NAME: VALUE'",
    help=r"Instead of a file: a header line of one request, bytes beyond printable ASCII as \xNN; may be repeated.",
)
@click.option(
    "--exploration",
    metavar="WORD",
    help="Instead of a file: a failure of prove's random exploration, as its finding names it.",
)
@click.option(
    "--auth",
    type=click.Choice(["anonymous", "junk token", "signed in"]),
    default="anonymous",
    show_default=True,
    help="How a --line request is signed.",
)
@click.option("--stream", is_flag=True, help="Let a --line request ask for a streamed reply.")
@replay_target_option
@database_option
@click.option(
    "--build", metavar="NAME", help="Build of the reference backend; by default the file's, or after."
)
@model_option
@wait_option
@journal_option
@request_header_option
@allow_host_option
@policy_option
@postgres_option
def replay(
    file: Path | None, lines: tuple[str, ...], exploration: str | None, auth: str, stream: bool, **given: Any
) -> int:
    """Sends the requests of FILE, or one request with the given header lines, and judges replies and rows.

    With --exploration, runs a failure of prove's exploration again, which names the line to copy; of the options only
    --build, --policy and --postgres count then.
    Requests to a --target URL are noted in a journal; harness clean deletes the rows that they left.

    Exit codes: 0 FIXED, 1 STILL FAILS, 3 could not run. Example: harness replay harness-find-0123456789.json
    """
    from dataclasses import replace

    from harness.clients.extension import Auth
    from harness.run.recipe import Recipe, case_of, read_recipe
    from harness.run.replay import replay, replay_exploration, tell
    from harness.run.subject import REFERENCE

    if sum((file is not None, bool(lines), exploration is not None)) > 1:
        raise UsageError("of a file, --line and --exploration more than one was given; give one of them")
    if exploration is not None:
        with busy("replaying"):
            fixed, told = replay_exploration(
                exploration, given["build"] or "after", given["policy"], given["postgres"]
            )
        for line in told:
            say(line)
        return 0 if fixed else 1
    recipe = (
        read_recipe(file)
        if file is not None
        else Recipe(((case_of(lines),),), policy=given["policy"], auth=Auth(auth), stream=stream)
    )
    build = given["build"] or recipe.build
    given["target"] = given["target"] or recipe.target or REFERENCE
    given["free_model"] = given["free_model"] or recipe.free_model
    options = replace(subject_options(given | {"build": build}), policy=recipe.policy)
    with busy("replaying"):
        replayed = replay(recipe, options)
    for line in tell(replayed):
        say(options.given.masked(line))
    return 0 if replayed.fixed else 1


def subject_options(given: dict[str, Any]) -> Any:
    """The backend that the options name. Raises UsageError where it is another machine's and not allowed."""
    from harness.run.subject import REFERENCE, SubjectOptions
    from harness.sut.external import site_of

    if given["target"] != REFERENCE and not given["free_model"]:
        raise UsageError(
            f"--target {given['target']} needs --free-model ID: which model is free there is not guessed"
        )
    if given["target"] != REFERENCE:
        check_host(site_of(given["target"]).address[0], given["allowed_hosts"])
    options = SubjectOptions(
        target=given["target"],
        database_url=given["database_url"],
        build=given["build"],
        policy=given["policy"],
        postgres=given["postgres"],
        wait_s=given["wait_rows"],
        journal=given["journal"],
        given=given["request_headers"],
    )
    if given["free_model"]:
        from dataclasses import replace

        options = replace(options, free_model=given["free_model"])
    return options
