"""Databases in a given schema state, cloned from a template that is migrated once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import RLock
from types import TracebackType
from typing import Any, Final

import psycopg

from harness.database.runners import connect, run_statements
from harness.database.schema_state import TARGETS, SchemaState
from harness.database.scripts import Script
from harness.database.server import Server
from harness.database.structure import Structure, structure
from harness.errors import UsageError
from harness.rollout import Rollout, load_rollout

SEED_ROWS: Final = 100


class Templates:
    """Template databases on one server, one for each state, made when first asked for and dropped at the end.

    A state is a list of files that were applied to the rollout's baseline, one after another. All hold the same rows,
    written before the first of them. Threads may share it.
    """

    def __init__(self, server: Server, seed_rows: int = SEED_ROWS, rollout: Rollout | None = None) -> None:
        """`rollout` is by default the plan's."""
        self.rollout = rollout or load_rollout()
        self._server = server
        self._seed_rows = seed_rows
        self._names: dict[tuple[Script, ...], str] = {}
        self._structures: dict[tuple[Script, ...], Structure] = {}
        self._making = RLock()

    def name(self, state: SchemaState) -> str:
        """Name of the template for a state. Nobody may be connected to it while it is cloned.

        Raises UsageError for a state that no migration ends in.
        """
        return self._name(self._scripts(state))

    @contextmanager
    def database(self, state: SchemaState) -> Iterator[str]:
        """A database of one's own in a state: its DSN, dropped afterwards."""
        with self._server.database(template=self.name(state)) as dsn:
            yield dsn

    def after(self, scripts: Sequence[Script]) -> AbstractContextManager[str]:
        """A database of one's own to which these files were applied: its DSN, dropped afterwards."""
        return self._server.database(template=self._name(tuple(scripts)))

    def structure(self, scripts: Sequence[Script]) -> Structure:
        """What the tables of a database are made of to which these files were applied."""
        key = tuple(scripts)
        with self._making:
            if key not in self._structures:
                with self.after(scripts) as dsn:
                    self._structures[key] = structure(dsn)
            return self._structures[key]

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

    def _scripts(self, state: SchemaState) -> tuple[Script, ...]:
        if state not in TARGETS:
            raise UsageError(
                f"no template for state {state}: it is that of an unfinished build; clone another and interrupt one"
            )
        files = [step.up for step in self.rollout.tables.step if step.up is not None]
        return tuple(Script(file, self.rollout.text(file)) for file in files[: TARGETS.index(state)])

    def _name(self, scripts: tuple[Script, ...]) -> str:
        with self._making:
            if scripts not in self._names:
                self._names[scripts] = self._make(scripts)
            return self._names[scripts]

    def _make(self, scripts: tuple[Script, ...]) -> str:
        origin = self._name(scripts[:-1]) if scripts else None
        name = self._server.create_database(template=origin)
        try:
            dsn = self._server.dsn(name)
            if scripts:
                run_statements(dsn, scripts[-1:], lambda _: None)
            else:
                self._begin(dsn)
        except BaseException:
            self._server.drop_database(name)
            raise
        return name

    def _begin(self, dsn: str) -> None:
        """The tables as they are before the rollout, and the rows."""
        reference = self.rollout.tables.reference
        if reference.baseline is not None:
            baseline = Script(reference.baseline, self.rollout.text(reference.baseline))
            run_statements(dsn, [baseline], lambda _: None)
        if reference.seed is not None:
            with connect(dsn) as connection:
                _fill(connection, self._seed_rows, self.rollout.text(reference.seed))


def _fill(connection: psycopg.Connection[Any], rows: int, seed: str) -> None:
    """By a rollout's seed, which makes users, lookups, `rows` pairs of rows; the same every time."""
    with connection.transaction():
        connection.execute("SELECT set_config('harness.seed_rows', %s, true)", [str(rows)])
        connection.execute(seed.encode())
