"""Where the Flask backend writes requests down: its tables, and a thread that writes them late.

Must not know HTTP.
"""

import heapq
import os
import random
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field

import psycopg

SCHEMA = """
CREATE TABLE IF NOT EXISTS microdollar_usage (
    kilo_user_id  text NOT NULL,
    cost          numeric(18, 6) NOT NULL DEFAULT 0,
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    served_model  text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    billing_state text NOT NULL DEFAULT 'settled'
);
CREATE TABLE IF NOT EXISTS microdollar_usage_metadata (
    id                  uuid NOT NULL REFERENCES microdollar_usage (id) ON DELETE CASCADE,
    revision            integer NOT NULL DEFAULT 1,
    tags                jsonb NOT NULL DEFAULT '[]',
    created_at          timestamptz NOT NULL DEFAULT now(),
    posthog_distinct_id text,
    message_id          varchar(80) NOT NULL
);
CREATE INDEX IF NOT EXISTS microdollar_usage_metadata_id ON microdollar_usage_metadata (id);
CREATE INDEX IF NOT EXISTS idx_microdollar_usage_metadata_posthog_distinct_id
    ON microdollar_usage_metadata (posthog_distinct_id);
"""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One request to be written down when it is due."""

    due: float
    message_id: str
    user_id: str = field(compare=False)
    link: str | None = field(compare=False)
    model: str = field(compare=False)
    cost: float = field(compare=False)
    metadata_rows: int = field(compare=False, default=1)


class Ledger:
    """Writes entries down, each after a delay of its own, in the order they come due.

    A row that Postgres refuses is reported on standard error and lost, as usage is in many a real backend.
    """

    def __init__(self, dsn: str, late_ms: tuple[int, int], seed: int) -> None:
        self._late_ms = late_ms
        self._random = random.Random(seed)
        self._waiting: list[Entry] = []
        self._changed = threading.Condition()
        self._closing = False
        self._connection = psycopg.connect(dsn)
        with self._connection.transaction():
            self._connection.execute(SCHEMA)
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def add(
        self, message_id: str, user_id: str, link: str | None, model: str, cost: float, metadata_rows: int
    ) -> None:
        """Has one request written down later, by usage row and as many metadata rows."""
        with self._changed:
            late_s = self._random.uniform(*self._late_ms) / 1000
            entry = Entry(time.monotonic() + late_s, message_id, user_id, link, model, cost, metadata_rows)
            heapq.heappush(self._waiting, entry)
            self._changed.notify()

    def close(self) -> None:
        """Writes down at once whatever still waits."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _write_all(self) -> None:
        while (entry := self._next_due()) is not None:
            try:
                self._write(entry)
            except psycopg.Error:
                traceback.print_exc()
                if self._connection.closed:
                    sys.stderr.flush()
                    os._exit(1)

    def _next_due(self) -> Entry | None:
        with self._changed:
            while not self._closing and not (self._waiting and self._waiting[0].due <= time.monotonic()):
                wait_s = self._waiting[0].due - time.monotonic() if self._waiting else None
                self._changed.wait(wait_s if wait_s is None else max(wait_s, 0))
            return heapq.heappop(self._waiting) if self._waiting else None

    def _write(self, entry: Entry) -> None:
        with self._connection.transaction():
            row = self._connection.execute(
                "INSERT INTO microdollar_usage (served_model, kilo_user_id, cost) VALUES (%s, %s, %s) RETURNING id",
                (entry.model, entry.user_id, entry.cost),
            ).fetchone()
            assert row is not None
            for revision in range(1, 1 + entry.metadata_rows):
                self._connection.execute(
                    "INSERT INTO microdollar_usage_metadata (message_id, revision, id, posthog_distinct_id)"
                    " VALUES (%s, %s, %s, %s)",
                    (entry.message_id, revision, row[0], entry.link),
                )
