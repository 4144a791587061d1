"""The command that serves the reference stack to a person."""

import sys

from harness.cli.command import command
from harness.cli.streams import print_line
from harness.run.options.serve import ServeOptions


@command(good="nothing seen that would fail the gate", bad="something would fail the gate")
def serve(options: ServeOptions) -> int:
    """Starts Postgres, the backend and a model that costs nothing, on loopback only, and shows each request with its
    reply and its row: here, and live on the page that it names.

    Ctrl-C drains, prints a summary and removes everything; once more cuts open requests off. What would fail the
    gate is shown in red.

    Example: harness serve --port 3000, then point your extension's build at the base URL that it prints.
    """
    from harness.backend.serve import check_port

    check_port(options.port)
    if not options.json_lines:
        print_line(
            "starting Postgres, the backend and a model that costs nothing"
        )  # before what takes longer to import
    from harness.cli.serve_lines import summary_lines
    from harness.cli.serve_view import JsonView, LiveView, PlainView
    from harness.run.serve import serve

    if options.json_lines:
        with JsonView() as machine:
            summary = serve(options, machine)
            machine.summary(summary)
        return 0 if summary.faultless else 1
    with LiveView() if sys.stdout.isatty() else PlainView() as view:
        summary = serve(options, view)
    for line in summary_lines(summary):
        print_line(line)
    return 0 if summary.faultless else 1
