"""Each remedy that is printed is accepted by PostgreSQL, leaves nothing to mend, and a row with the header arrives."""

import psycopg
import pytest

from harness.database.drift import Drift, drift
from harness.database.effects.survey import database_effects
from harness.database.runners import connect
from harness.rule.shapes import STORED_VALUES
from tests.fix_database import change
from tests.rehearsal.further_remedies import HELD, MENDED, C, T

pytestmark = pytest.mark.catalogue

ROUNDS = 4
"""What a view in the table's place hides is told once the table is back."""


def mend(dsn: str) -> list[Drift]:
    """Sends what is printed as somebody would who copies it, and returns what is left to say."""
    for _ in range(ROUNDS):
        with connect(dsn) as connection:
            found = drift(connection, database_effects(connection, STORED_VALUES))
            for one in found:
                for statement in one.remedy:
                    try:
                        connection.execute(statement.encode())
                    except psycopg.Error as error:
                        raise AssertionError(
                            f"{statement!r} of {one.line!r}: {error.sqlstate} {error}"
                        ) from error
    with connect(dsn) as connection:
        return list(drift(connection, database_effects(connection, STORED_VALUES)))


def insert(dsn: str) -> None:
    """Every value arrives twice, as two requests of one caller have it."""
    with psycopg.connect(dsn) as connection:
        for value in STORED_VALUES:
            for _ in range(2):
                connection.execute(
                    f"INSERT INTO {T} (id, created_at, message_id, {C}) VALUES (gen_random_uuid(), now(), 'gen-1', %s)",
                    [value],
                )
        found = connection.execute(f"SELECT {C} FROM {T} WHERE message_id = 'gen-1'").fetchall()
        assert sorted(map(str, found)) == sorted(2 * [str((value,)) for value in STORED_VALUES])


@pytest.mark.parametrize("name", MENDED)
def test_remedy_is_accepted_and_leaves_nothing(ready_dsn: str, name: str) -> None:
    change(ready_dsn, *MENDED[name])
    with connect(ready_dsn) as connection:
        lines = [one.line for one in drift(connection, database_effects(connection, STORED_VALUES))]
    assert all(line.isprintable() for line in lines)
    assert [one.line for one in mend(ready_dsn)] == []
    insert(ready_dsn)


@pytest.mark.parametrize("name", HELD)
def test_what_no_statement_mends_is_named(ready_dsn: str, name: str) -> None:
    statements, words = HELD[name]
    change(ready_dsn, *statements)
    left = mend(ready_dsn)
    assert [one.remedy for one in left] == [()] * len(left)
    assert left
    assert words in " ".join(one.line for one in left)
