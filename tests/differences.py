"""What a database does to the values of a run, and how it differs from its declaration, as `harness schema` asks."""

from harness.database.catalog import Connection
from harness.database.drift import Drift, drift
from harness.database.effects.model import Effect
from harness.database.effects.survey import database_effects
from harness.rule.shapes import STORED_VALUES


def effects_of(connection: Connection) -> tuple[Effect, ...]:
    return database_effects(connection, STORED_VALUES)


def differences_of(connection: Connection) -> tuple[Drift, ...]:
    return drift(connection, effects_of(connection))
