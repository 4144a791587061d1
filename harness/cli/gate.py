"""The commands of the release gate: judge a deployed backend, take back what that wrote, serve its upstream stub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from harness.cli.hosts import allow_host_option, check_host
from harness.cli.options import (
    busy,
    command_line,
    level_option,
    policy_option,
    report_options,
    request_header_option,
    say,
    seed_option,
    tell,
)
from harness.cli.values import WEEK_S, Count, Finite, Place, PlaceOption
from harness.errors import UsageError
from harness.run.report import Outputs

database_option = click.option(
    "--database-url",
    cls=PlaceOption,
    type=Place(),
    required=True,
    envvar="HARNESS_DATABASE_URL",
    show_envvar=True,
    metavar="DSN",
    help="The target's database. Example: postgresql://reader@db.example.com/backend",
)


def waivers(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> Mapping[str, str]:
    """Reasons by claim, from `CLAIM=REASON`."""
    found: dict[str, str] = {}
    for one in given:
        claim, equals, reason = one.partition("=")
        if not equals:
            raise click.BadParameter(f"{one!r} gives no reason; write CLAIM='reason'")
        found[claim.strip()] = reason.strip().strip("\"'")
    return found


@click.command(short_help="Judge a deployed backend by its URL and its database.")
@click.option(
    "--backend-url",
    cls=PlaceOption,
    type=Place(),
    required=True,
    metavar="URL",
    help="The backend, without a path. Example: https://staging.example.com",
)
@database_option
@click.option(
    "--free-model",
    default="",
    metavar="ID",
    help="A model that the target serves without an account; not guessed. Example: --free-model vendor/model:free",
)
@click.option(
    "--auth-token",
    envvar="HARNESS_AUTH_TOKEN",
    show_envvar=True,
    metavar="TOKEN",
    help="Token of a test user, for the claims about signed-in users; without it they are unknown.",
)
@click.option("--auth-email", envvar="HARNESS_AUTH_EMAIL", show_envvar=True, help="E-mail of that user.")
@request_header_option
@policy_option
@level_option
@click.option(
    "--build",
    type=click.Choice(["before", "after"]),
    default="after",
    show_default=True,
    help="What is expected to be deployed: the backend with the plan's change, or without it.",
)
@click.option("--max-requests", type=Count(), help="Send no more than this; by default what the level takes.")
@click.option("--rate", "rate_max", type=Finite(0.01, 1e6), metavar="R", help="Requests a second at most.")
@click.option(
    "--time-limit",
    "time_limit_s",
    type=Finite(1, WEEK_S),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="End by then, with what was judged.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=Finite(0.1, WEEK_S),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for one reply.",
)
@click.option(
    "--wait-rows",
    "wait_rows_s",
    type=Finite(0.1, WEEK_S),
    metavar="SECONDS",
    help="Longest time that rows need after a reply. By default the first may take 60 s, later ones three times as "
    "long as the slowest so far, at least 5 s.",
)
@click.option(
    "--watch-rows",
    "watch_rows_s",
    type=Finite(0, WEEK_S),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Shortest time for which the first rows are watched for later changes.",
)
@click.option(
    "--read-only", is_flag=True, help="Send nothing; judge the database alone. That can refute, never prove."
)
@click.option(
    "--clean", is_flag=True, help="Delete the rows of this run at the end; needs DELETE on both tables."
)
@click.option(
    "--waive",
    "waivers",
    multiple=True,
    callback=waivers,
    metavar="CLAIM=REASON",
    help="Go on although a claim is unknown; every report shows the reason. Example: --waive I1='no test account'",
)
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where requests are noted before they are sent. By default in $XDG_STATE_HOME/rollout-harness/runs "
    "(~/.local/state/rollout-harness/runs).",
)
@allow_host_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Send nothing and connect to nothing; say which requests, addresses, rows and events are to be expected.",
)
@seed_option
@report_options()
def gate(
    level: str,
    auth_token: str | None,
    auth_email: str | None,
    allowed_hosts: tuple[str, ...],
    dry_run: bool,
    outputs: Outputs,
    **given: Any,
) -> int:
    """Judges somebody's deployed backend and says GO, NO-GO or INCONCLUSIVE, with evidence.

    The target is asked for completions of the free model, with and without the header, on every path, by every caller
    and in many shapes: about 350 requests at smoke, 6,900 at standard, 118,000 at exhaustive. Addresses are from ranges
    for documentation. Rows are read as they come, and all of them again at the end: SELECT on both tables is enough.
    Signed-in users are judged with --auth-token and --auth-email only. Exit codes: 0 GO, 1 NO-GO, 2 misuse, 3
    inconclusive.

    Example: harness gate --backend-url https://staging.example.com --database-url postgresql://reader@db/backend
    --free-model vendor/model:free --level smoke --waive I1='no test account'
    """
    from harness.rule.suite import Level
    from harness.run.gate import gate
    from harness.run.gate_options import GateOptions
    from harness.sut.external import site_of

    given["given"] = given.pop("request_headers")
    command = command_line(auth_token or "", auth_email or "")
    options = GateOptions(level=Level(level), token=auth_token, email=auth_email, command=command, **given)
    if dry_run:
        from harness.run.gate_forecast import dry_run as tell_forecast

        tell_forecast(options, say)
        return 0
    if not options.read_only:
        check_host(site_of(options.backend_url).address[0], allowed_hosts)
    return tell(gate(options, say, busy), outputs)


@click.command(short_help="Delete the rows that a run of the gate, fuzz or replay left.")
@click.argument("run", required=False)
@click.option(
    "--all-runs",
    is_flag=True,
    help="Instead of RUN: list the rows of runs that have no journal here, told by the mark in their user agent and an "
    "address for documentation.",
)
@click.option(
    "--yes", is_flag=True, help="With --all-runs: delete them, where both mark and address are there."
)
@database_option
def clean(run: str | None, database_url: str, *, all_runs: bool, yes: bool) -> int:
    """Deletes the rows of RUN, which is the name that the run printed or the file of its journal, and no others.

    Rows of lookup tables stay, since others may refer to them; they are named. Exit codes: 0 deleted, or listed; 2
    misuse; 3 the database refuses, or rows have only a mark or only an address: a SELECT that shows them is printed.

    Example: harness clean 20260301-120000-1a2b3c4d --database-url postgresql://owner@db.example.com/backend
    """
    from harness.run.clean import clean
    from harness.run.clean_all import clean_all
    from harness.run.journal import find_journal

    if (run is None) is not all_runs:
        raise UsageError("name a run, or give --all-runs: one of the two; harness clean --help has examples")
    if yes and not all_runs:
        raise UsageError("--yes goes with --all-runs; a run that is named needs none")
    if run is None:
        done = clean_all(database_url, delete=yes)
        for line in done.lines():
            say(line)
        return 3 if done.half else 0
    say(clean(database_url, find_journal(run)).words)
    return 0


@click.command(short_help="Serve a model that costs nothing, for a staging backend to ask.")
@click.option("--port", type=Count(0, 65535), default=3001, show_default=True, help="0: any free one.")
def upstream(port: int) -> int:
    """Serves the upstream stub on 127.0.0.1 until Ctrl-C: chat completions, streamed or not, each with an id.

    A staging backend that asks it instead of a real model can be judged at no cost, and bodies can be compared whole.

    Example: harness upstream --port 3001
    """
    from harness.run.upstream import serve_upstream

    serve_upstream(port, say)
    return 0
