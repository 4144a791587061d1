"""Commands read and write the tables that a rollout's file maps: another world's, a lookup's, one table alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from harness.data import fixture_path
from harness.database.relations import Relations
from harness.database.server import Server
from harness.rollout import Rollout, load_rollout
from harness.rollout.identities import address_users, header_users, reserved_users
from harness.run.clean import clean
from harness.run.clean_all import clean_all
from harness.run.coverage_queries import read_coverage
from harness.sut.journal import journal_file
from tests.command import ROOT, harness_command

ORDERS = ROOT / "tests" / "rollouts" / "orders"
RUN = "20260301-120000-00000001"
ADDRESS = "2001:db8:1:0::1"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def orders_dsn(server: Server) -> Iterator[str]:
    """The orders service's tables with the column, and four orders: two with a value, one of another request."""
    rollout = load_rollout(ORDERS)
    with server.database() as dsn, psycopg.connect(dsn) as connection:
        for name in ("baseline.sql", "up.sql"):
            connection.execute(rollout.text(name).encode())
        for number, value in enumerate(("eu-00000001", None, "eu-00000001", "us-00000002"), start=1):
            connection.execute(
                "INSERT INTO orders (ref, article, count) VALUES (%s, 'a', 1)", (f"ref-{number}",)
            )
            connection.execute("INSERT INTO order_audit VALUES (%s, '/orders', %s)", (number, value))
        connection.commit()
        yield dsn


def journalled(*ids: str) -> Path:
    """The journal of a run whose replies had these ids."""
    file = journal_file(RUN)
    file.parent.mkdir(parents=True, exist_ok=True)
    head = {
        "schema": "harness.journal/1",
        "run": RUN,
        "backend": "http://x",
        "started": "2026-03-01T12:00:00Z",
    }
    lines = [head, *({"answered": number, "id": identity} for number, identity in enumerate(ids, start=1))]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_coverage_of_a_service_without_users(orders_dsn: str) -> None:
    found = read_coverage(orders_dsn, 7, load_rollout(ORDERS))
    assert (found.requests, found.with_id, found.ids, found.users, found.silent_users) == (4, 3, 2, 0, 0)
    assert [(linked.user, linked.value, linked.requests) for linked in found.top] == [
        (None, "eu-00000001", 2),
        (None, "us-00000002", 1),
    ]
    done = harness_command("coverage", "--rollout", str(ORDERS), "--database-url", orders_dsn)
    assert (done.returncode, done.stderr) == (0, "")
    assert "75.0 % of 4 requests in 7 days carry a value (3)" in done.stdout
    assert "nothing is told of users" in done.stdout


def test_clean_deletes_the_orders_of_a_run_by_their_ids(orders_dsn: str) -> None:
    done = clean(orders_dsn, journalled("ref-1", "ref-3", "ref-9"), load_rollout(ORDERS))
    assert done.rows == (("orders", 2), ("order_audit", 2))
    assert "deleted 2 rows of orders and 2 of order_audit" in done.words
    with psycopg.connect(orders_dsn) as connection:
        left = connection.execute(
            "SELECT ref FROM orders JOIN order_audit ON order_id = id ORDER BY 1"
        ).fetchall()
    assert left == [("ref-2",), ("ref-4",)]


def test_no_order_is_at_an_address_so_none_is_taken_for_a_runs(orders_dsn: str) -> None:
    found = clean_all(orders_dsn, load_rollout(ORDERS), delete=True)
    assert (found.found, found.half, found.deleted) == ((), 0, (("orders", 0), ("order_audit", 0)))
    assert "marks cannot be read: the rollout's file has no store.agent" in list(found.lines())


def one_table(tmp_path: Path) -> Rollout:
    """The same service with one table that holds the column, too."""
    text = (ORDERS / "rollout.toml").read_text()
    begin, end = text.index("[store.detail]"), text.index("[[step]]")
    text = text[:begin] + text[end:]
    for file in ORDERS.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = text.replace('created_at = "placed_at"', 'created_at = "placed_at"\ncolumn = "origin"')
    (tmp_path / "rollout.toml").write_text(text)
    return load_rollout(tmp_path)


def test_one_table_may_hold_everything(tmp_path: Path, orders_dsn: str) -> None:
    rollout = one_table(tmp_path)
    with psycopg.connect(orders_dsn) as connection:
        connection.execute("ALTER TABLE orders ADD COLUMN origin text")
        connection.execute("UPDATE orders SET origin = 'eu-00000009' WHERE id = 2")
    found = read_coverage(orders_dsn, 7, rollout)
    assert (found.requests, found.with_id) == (4, 1)
    assert clean(orders_dsn, journalled("ref-2"), rollout).rows == (("orders", 1),)
    assert read_coverage(orders_dsn, 7, rollout).with_id == 0


def test_value_comes_from_the_lookup_that_the_file_joins(base_dsn: str) -> None:
    rollout = load_rollout(fixture_path("rollouts/feature"))
    with psycopg.connect(base_dsn) as connection:
        connection.execute(rollout.text("up/0018_add_feature.sql").encode())
        connection.execute("INSERT INTO feature (feature) VALUES ('cli')")
        connection.execute("UPDATE microdollar_usage SET created_at = now()")
        connection.execute(
            "UPDATE microdollar_usage_metadata SET feature_id = 1 WHERE message_id LIKE 'seed-1%'"
        )
    found = read_coverage(base_dsn, 7, rollout)
    assert (found.requests, found.with_id, found.identity) == (100, 12, "")
    assert {linked.value for linked in found.top} == {"cli"}


def test_relations_are_pulled_up_so_that_indexes_serve(ready_dsn: str) -> None:
    relations = Relations(load_rollout())
    with psycopg.connect(ready_dsn) as connection:
        connection.execute("SET enable_seqscan = off")
        query = relations.filled("run_rows")
        given = {"user_ids": ["anon:a"], "shared_ids": [], "reply_ids": ["x"]}
        plan = str(connection.execute(b"EXPLAIN " + query.as_bytes(connection), given).fetchall())
    assert "idx_kilo_user_id_created_at2" in plan


def test_users_follow_from_the_identities() -> None:
    tables = load_rollout().tables
    assert header_users(tables) == ("anon:%",)
    assert address_users(tables, [ADDRESS]) == [f"anon:{ADDRESS}"]
    assert (reserved_users(tables) or "").startswith("^(anon:)(")
    machine = load_rollout(fixture_path("rollouts/machine-id")).tables
    assert header_users(machine) is None  # signed-in users store the header, too, whoever they are
    orders = load_rollout(ORDERS).tables
    assert (header_users(orders), address_users(orders, [ADDRESS]), reserved_users(orders)) == (
        None,
        [],
        None,
    )
