"""What a database does to the values of a run, and how it differs from its declaration, as `harness schema` asks."""

from harness.database.catalog import Connection
from harness.database.drift import Drift, drift
from harness.database.effects.model import Effect
from harness.database.effects.survey import database_effects
from harness.database.runners import connect
from harness.rule.shapes import STORED_VALUES


def effects_of(connection: Connection) -> tuple[Effect, ...]:
    return database_effects(connection, STORED_VALUES)


def differences_of(connection: Connection) -> tuple[Drift, ...]:
    return drift(connection, effects_of(connection))


def mend(dsn: str) -> None:
    """Sends what is advised, a statement at a time, as somebody would who reads the lines from the top."""
    with connect(dsn) as connection:
        for difference in differences_of(connection):
            for statement in difference.remedy:
                connection.execute(statement.encode())
