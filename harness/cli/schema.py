"""The command that compares a database, and migration files, with what a rollout declares."""

from harness.cli.command import command
from harness.cli.streams import print_document, print_line
from harness.run.options.schema import SchemaOptions


@command(good="no difference and no fault", bad="a difference or a fault")
def schema(options: SchemaOptions) -> int:
    """Says a line for each difference from what a rollout declares, with the statement that mends it.

    Example: harness schema --database-url postgresql://me@localhost/backend --migrations src/db/migrations
    """
    from harness.run.schema import check_judged, check_schema, examine_schema

    if not options.json_output:
        return 1 if check_schema(options, print_line) else 0
    found = examine_schema(options)
    print_document(found)
    check_judged(found)
    return 1 if found.count else 0
