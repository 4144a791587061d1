"""The orders service of another world: Node, tables of its own, a rollout's folder; right, or with one fault."""

import os
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from harness.rule.node import node_path

ORDERS: Final = Path(__file__).parent / "rollouts/orders"
SERVER: Final = Path(__file__).parent / "orders/server.mjs"
START_LIMIT_S: Final = 120

Orders = Callable[..., str]
"""Starts the service with a fault, or `none`; its URL."""


@contextmanager
def orders_service(dsn: str, fault: str = "none") -> Iterator[str]:
    """The service on a database that has its tables; it ends with the context."""
    found = conninfo_to_dict(dsn)
    place = {
        "PGHOST": str(found.get("host", "localhost")),
        "PGPORT": str(found.get("port", 5432)),
        "PGUSER": str(found.get("user", "postgres")),
        "PGDATABASE": str(found["dbname"]),
    }
    process = subprocess.Popen(
        [str(node_path()), str(SERVER), fault], stdout=subprocess.PIPE, env={**os.environ, **place}
    )
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_LIMIT_S)
        assert ready, "the orders service did not start"
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(timeout=START_LIMIT_S)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def orders_dsn(empty_dsn: str) -> str:
    """A database with the tables of the service, column included."""
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        for name in ("baseline.sql", "up.sql"):
            connection.execute((ORDERS / name).read_bytes())
    return empty_dsn


@pytest.fixture
def orders(orders_dsn: str) -> Iterator[Orders]:
    """Starts the service."""
    with ExitStack() as stack:

        def start(fault: str = "none") -> str:
            return stack.enter_context(orders_service(orders_dsn, fault))

        yield start
