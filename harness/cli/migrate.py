"""The command that migrates a database."""

from harness.cli.command import command
from harness.cli.streams import print_aside, print_document, print_line
from harness.run.options.migrate import MigrateOptions


@command(good="it is in that state")
def migrate(options: MigrateOptions) -> int:
    """Brings a database to a state of the rollout by its steps, each statement by itself, or back.

    It needs the server's own sessions: a pooler is refused. A database without the tables is left as it is.

    Example: harness migrate --database-url postgresql://me@localhost/backend --to ready
    """
    from harness.run.migrate import run_migrate

    done = run_migrate(options, print_aside if options.json_output else print_line)
    if options.json_output:
        print_document(done)
    return 0
