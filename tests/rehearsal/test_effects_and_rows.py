"""What is said of a database is held against the rows that it really takes: each sample value is inserted."""

from collections.abc import Iterator

import psycopg
import pytest

from harness import plan
from harness.database.effects.model import Certainty
from harness.database.runners import connect
from harness.rehearsal.deployed.values import DEFECTS, HARMLESS
from harness.rollout.identities import ADDRESSES
from harness.rule.shapes import STORED_VALUES
from tests.differences import differences_of, effects_of
from tests.rehearsal.further_values import FURTHER

pytestmark = pytest.mark.catalogue

T, U, C = plan.METADATA_TABLE, plan.USAGE_TABLE, plan.COLUMN
ENTRIES = {
    **{f"fault-{one.name}": (one.statements, Certainty.CERTAIN) for one in DEFECTS},
    **{f"harmless-{one.name}": (one.statements, None) for one in HARMLESS},
    **FURTHER,
}
ROUNDS = 3
NOT_OF_VALUES = {"check-of-other-column", "reach-view-without-column"}
"""What is said is of the values alone; the rows made here have nothing in their other columns, or cannot be read."""


def certainty(dsn: str) -> Certainty:
    with connect(dsn) as connection:
        return max((one.certainty for one in effects_of(connection)), default=Certainty.NONE)


def harmed(dsn: str) -> Iterator[str]:
    """What an INSERT of each value, a second one, an UPDATE of it, and one without the column show."""
    with psycopg.connect(dsn) as connection:
        for value in STORED_VALUES:
            yield from _harmed(connection, value, ADDRESSES[len(value or "") % len(ADDRESSES)])
        yield from _harmed(connection, None, ADDRESSES[0], omitted=True)


def _harmed(
    connection: psycopg.Connection, value: str | None, user: str, *, omitted: bool = False
) -> Iterator[str]:
    ids: list[object] = []
    for _ in range(2):
        try:
            with connection.transaction():
                connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                ids += _written(connection, value, f"anon:{user}", omitted=omitted)
        except psycopg.Error as error:
            yield f"{value}: {error}"
    for id_ in ids:
        usage = connection.execute(f"SELECT kilo_user_id FROM {U} WHERE id = %s", [id_]).fetchall()
        if _read(connection, id_) != [value] or usage != [(f"anon:{user}",)]:
            yield f"{value}: {id_}"
            continue
        try:
            with connection.transaction():
                connection.execute(f"UPDATE {T} SET {C} = {C}, message_id = 'gen-2' WHERE id = %s", [id_])
        except psycopg.Error as error:
            yield f"{value}: {error}"
        if _read(connection, id_) != [value]:
            yield f"{value}: an UPDATE"


def _read(connection: psycopg.Connection, id_: object) -> list[object]:
    return [row[0] for row in connection.execute(f"SELECT {C} FROM {T} WHERE id = %s", [id_]).fetchall()]


def _written(connection: psycopg.Connection, value: str | None, user: str, *, omitted: bool) -> list[object]:
    row = connection.execute(
        f"INSERT INTO {U} (kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens) "
        "VALUES (%s, 0, 0, 0, 0, 0) RETURNING id, kilo_user_id",
        [user],
    ).fetchone()
    if row is None or row[1] != user:
        return [None]
    more, parameters = ("", [row[0]]) if omitted else (f", {C}", [row[0], value])
    holders = ", %s" * (len(parameters) - 1)
    connection.execute(
        f"INSERT INTO {T} (id, created_at, message_id{more}) VALUES (%s, now(), 'gen-1'{holders})", parameters
    )
    return [row[0]]


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_said_is_what_rows_show(ready_dsn: str, name: str) -> None:
    statements, expected = ENTRIES[name]
    with connect(ready_dsn) as connection:
        for statement in statements:
            connection.execute(statement.encode())
    said = certainty(ready_dsn)
    assert expected in (None, said)
    if name in NOT_OF_VALUES or said is Certainty.OPEN:
        return
    assert bool(list(harmed(ready_dsn))) is (said is Certainty.CERTAIN)


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_advised_can_be_sent_and_leaves_nothing_to_send(ready_dsn: str, name: str) -> None:
    statements, _ = ENTRIES[name]
    with connect(ready_dsn) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        for _ in range(ROUNDS):  # what was hidden by a view is told once the table is back
            for one in differences_of(connection):
                for statement in one.remedy:
                    connection.execute(statement.encode())
        assert [one.line for one in differences_of(connection) if one.remedy] == []
