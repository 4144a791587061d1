"""The command that serves the reference stack to a person."""

import click

from harness.cli.options import policy_option, postgres_option, say
from harness.cli.values import WEEK_S, Count, Finite


@click.command(short_help="Serve the reference stack and show what each request did.")
@click.option(
    "--build",
    default="after",
    show_default=True,
    metavar="NAME",
    help="Build of the backend: before, after, or a faulty one to see it marked. Example: --build limit-256",
)
@click.option(
    "--port",
    type=Count(0, 65535),
    default=3000,
    show_default=True,
    help="Port on 127.0.0.1; 0 for any free one.",
)
@policy_option
@postgres_option
@click.option(
    "--upstream-error",
    type=click.Choice(["402", "500", "hang", "malformed"]),
    help="Let the model behind the backend fail: answer with this status, never (a minute long), or with what is no "
    "JSON. Without it every request is answered.",
)
@click.option(
    "--slow",
    "slow_ms",
    type=Count(0, 60_000),
    default=0,
    show_default=True,
    metavar="MS",
    help="Let the model wait so many milliseconds before it answers.",
)
@click.option(
    "--wait-rows",
    "wait_s",
    type=Finite(0.1, WEEK_S),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="A row that is not there so long after the reply is missing.",
)
@click.option("--json-lines", is_flag=True, help="Print one JSON object a line, for a machine.")
def serve(
    build: str,
    port: int,
    policy: str,
    postgres: str,
    upstream_error: str | None,
    slow_ms: int,
    wait_s: float,
    json_lines: bool,
) -> int:
    """Starts Postgres, the backend and a model that costs nothing, on loopback only, and shows each request with its
    reply and its row: here, and live on the page that it names.

    Ctrl-C drains, prints a summary and removes everything; once more cuts open requests off. What would fail the
    gate is shown in red. Exit codes: 0, 1 when something would fail the gate, 3 could not run (a taken port).

    Example: harness serve --port 3000, then point your extension's build at the base URL that it prints.
    """
    import sys

    from harness.backend.serve import check_port

    check_port(port)
    if not json_lines:
        say(
            "starting Postgres, the backend and a model that costs nothing"
        )  # before what takes longer to import
    from harness.cli.serve_view import JsonView, LiveView, PlainView, summary_lines
    from harness.run.serve import ServeOptions, serve

    options = ServeOptions(
        build=build,
        policy=policy,
        port=port,
        postgres=postgres,
        upstream_error=upstream_error,
        slow_ms=slow_ms,
        wait_s=wait_s,
    )
    if json_lines:
        with JsonView() as machine:
            summary = serve(options, machine)
            machine.summary(summary)
        return 0 if summary.faultless else 1
    with LiveView() if sys.stdout.isatty() else PlainView() as view:
        summary = serve(options, view)
    for line in summary_lines(summary):
        say(line)
    return 0 if summary.faultless else 1
