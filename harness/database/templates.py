"""Databases in a given schema state, cloned from a template that is migrated once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import RLock
from types import TracebackType
from typing import Final

import psycopg

from harness.database.migration_steps import TARGETS
from harness.database.migrations import migrate, seed
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.errors import UsageError

SEED_ROWS: Final = 100

_MADE_FROM: Final[Mapping[SchemaState, SchemaState]] = {
    SchemaState.COLUMN: SchemaState.BASE,
    SchemaState.READY: SchemaState.COLUMN,
}


class Templates:
    """Template databases on one server, one for each state, made when first asked for and dropped at the end.

    All hold the same rows, written before the migration. Threads may share it.
    """

    def __init__(self, server: Server, seed_rows: int = SEED_ROWS) -> None:
        self._server = server
        self._seed_rows = seed_rows
        self._names: dict[SchemaState, str] = {}
        self._making = RLock()

    def name(self, state: SchemaState) -> str:
        """Name of the template for a state. Nobody may be connected to it while it is cloned.

        Raises UsageError for a state that no migration ends in.
        """
        if state not in TARGETS:
            raise UsageError(
                f"no template for state {state}: it is that of an unfinished build; clone another and interrupt one"
            )
        with self._making:
            if state not in self._names:
                self._names[state] = self._make(state)
            return self._names[state]

    @contextmanager
    def database(self, state: SchemaState) -> Iterator[str]:
        """A database of one's own in a state: its DSN, dropped afterwards."""
        with self._server.database(template=self.name(state)) as dsn:
            yield dsn

    def close(self) -> None:
        """Drops the templates."""
        with self._making:
            while self._names:
                with suppress(
                    psycopg.OperationalError
                ):  # the server has gone, and whoever used it got that error
                    self._server.drop_database(self._names.popitem()[1])

    def __enter__(self) -> Templates:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self, state: SchemaState) -> str:
        origin = _MADE_FROM.get(state)
        name = self._server.create_database(template=None if origin is None else self.name(origin))
        try:
            dsn = self._server.dsn(name)
            migrate(dsn, state, with_baseline=True)
            if origin is None:
                with connect(dsn) as connection:
                    seed(connection, self._seed_rows)
        except BaseException:
            self._server.drop_database(name)
            raise
        return name
