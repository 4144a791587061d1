"""Coverage and clean-up of a service of another world by its folder alone: no users, the reply's id in `orders`."""

import json
from pathlib import Path

import psycopg
import pytest

from tests.command import harness_command
from tests.fix_orders import ORDERS, Orders

ROLLOUT = ("--rollout", str(ORDERS))


def counts(dsn: str) -> tuple[int, int, int]:
    """Orders, audit rows, and audit rows with a value."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM orders), count(*), count(request_origin) FROM order_audit"
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def place(dsn: str, origin: str | None, days_ago: int = 0) -> None:
    """An order of a customer's, audited."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "WITH placed AS (INSERT INTO orders (ref, article, count, placed_at) "
            "VALUES (gen_random_uuid()::text, 'pen', 1, now() - make_interval(days => %s)) RETURNING id) "
            "INSERT INTO order_audit (order_id, path, request_origin) SELECT id, '/orders', %s FROM placed",
            [days_ago, origin],
        )


def test_coverage_counts_the_orders_that_carry_a_value(orders_dsn: str) -> None:
    where = ("--database-url", orders_dsn, *ROLLOUT)
    assert harness_command("coverage", *where).returncode == 3
    for origin, days_ago in (
        ("eu-0123abcd", 0),
        ("eu-0123abcd", 1),
        ("us-0123abcd", 1),
        (None, 1),
        (None, 30),
    ):
        place(orders_dsn, origin, days_ago)
    ended = harness_command("coverage", *where, "--json")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert (document["requests"], document["with_id"], document["percent"]) == (4, 3, 75.0)
    found = document["coverage"]
    assert [(day["requests"], day["with_id"]) for day in found["by_day"]] == [(3, 2), (1, 1)]
    assert (found["has_users"], found["ids"], found["shared_ids"], found["users"]) == (False, 2, 0, 0)
    assert [(link["user"], link["value"], link["requests"]) for link in found["top"]] == [
        (None, "eu-0123abcd", 2), (None, "us-0123abcd", 1),
    ]  # fmt: skip
    assert harness_command("coverage", *where, "--fail-under", "76").returncode == 1
    shown = harness_command("coverage", *where, "--fail-under", "75")
    assert (shown.returncode, "75" in shown.stdout) == (0, True)


def test_clean_deletes_the_rows_of_a_run_and_no_others(
    orders: Orders, orders_dsn: str, own_journals: Path
) -> None:
    where = ("--database-url", orders_dsn, *ROLLOUT)
    place(orders_dsn, "eu-0123abcd")
    place(orders_dsn, None)
    before = counts(orders_dsn)
    judged = harness_command("gate", "--backend-url", orders(), *where, "--level", "smoke")
    assert judged.returncode == 0, judged.stderr
    assert counts(orders_dsn)[0] > before[0] + 100
    [journal] = own_journals.iterdir()
    cleaned = harness_command("clean", str(journal), *where, "--json")
    assert cleaned.returncode == 0, cleaned.stderr
    deleted = json.loads(cleaned.stdout)["deleted"]
    assert [each["table"] for each in deleted] == ["orders", "order_audit"]
    assert deleted[0]["rows"] == deleted[1]["rows"] > 100
    assert counts(orders_dsn) == before


@pytest.mark.usefixtures("own_journals")
def test_rows_without_a_journal_are_never_guessed(orders_dsn: str) -> None:
    place(orders_dsn, "eu-0123abcd")
    ended = harness_command("clean", "--all-runs", "--yes", "--database-url", orders_dsn, *ROLLOUT)
    assert ended.returncode in (0, 3), ended.stderr
    assert counts(orders_dsn) == (1, 1, 1)
