"""The command that migrates a database."""

import click

from harness.cli.options import say, session_pooler_option
from harness.cli.values import Place, PlaceOption


@click.command(short_help="Bring a database to a state of the rollout, or back.")
@click.option(
    "--database-url",
    cls=PlaceOption,
    type=Place(),
    required=True,
    metavar="DSN",
    help="The database to migrate. Example: postgresql://me@localhost/backend",
)
@click.option(
    "--to", "to", required=True, type=click.Choice(["base", "column", "ready"]), help="State to bring it to."
)
@click.option(
    "--runner",
    type=click.Choice(["statements", "psql"]),
    default="statements",
    show_default=True,
    help="Who applies the files: this program, statement by statement, or the psql on PATH.",
)
@click.option(
    "--rollback", is_flag=True, help="Go back to the state; the column's values go with the column."
)
@click.option(
    "--with-baseline",
    is_flag=True,
    help="Build the tables of the time before the rollout first, where the database is empty.",
)
@session_pooler_option
def migrate(
    database_url: str, to: str, runner: str, rollback: bool, with_baseline: bool, session_pooler: bool
) -> int:
    """Brings a database to a state of the rollout with the corrected migration, or back.

    It needs the server's own sessions: a pooler is refused. A database without the tables is left as it is.

    Example: harness migrate --database-url postgresql://me@localhost/backend --to ready
    """
    from harness.database.runners import Runner
    from harness.database.schema_state import SchemaState
    from harness.run.migrate import run_migrate

    run_migrate(
        database_url,
        SchemaState(to),
        Runner(runner),
        say,
        back=rollback,
        with_baseline=with_baseline,
        session_pooler=session_pooler,
    )
    return 0
