"""The command that compares a database, and migration files, with the plan."""

from pathlib import Path

import click

from harness.cli.options import say
from harness.cli.values import Place, PlaceOption


@click.command(short_help="Compare a database and migration files with what the plan declares.")
@click.option(
    "--database-url",
    cls=PlaceOption,
    type=Place(),
    metavar="DSN",
    help="The database to look at; nothing is changed in it. Example: postgresql://me@localhost/backend",
)
@click.option(
    "--migrations",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A folder of migration files to lint for this rollout, with drizzle's journal if it has one. "
    "Example: --migrations src/db/migrations",
)
def schema(database_url: str | None, migrations: Path | None) -> int:
    """Says a line for each difference, with the statement that mends it; exit code 1 when there is one.

    Example: harness schema --database-url postgresql://me@localhost/backend --migrations src/db/migrations
    """
    from harness.run.schema import check_schema

    return 1 if check_schema(database_url, migrations, say) else 0
