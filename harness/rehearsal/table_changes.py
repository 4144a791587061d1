"""What a migration does to the tables that were there: their rows, their old columns, and the files that hold them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import psycopg

from harness.database import catalog
from harness.rehearsal.migration_evidence import TableChange

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class TablesBefore:
    """Tables as they were."""

    keys: Mapping[str, str]
    """The primary key of each, by its name."""
    columns: Mapping[str, list[str]]
    digests: Mapping[str, catalog.Digest]
    files: Mapping[str, int | None]

    @classmethod
    def read(cls, connection: Connection, keys: Mapping[str, str]) -> Self:
        """As they are now."""
        columns = {table: [column.name for column in catalog.columns(connection, table)] for table in keys}
        return cls(
            keys,
            columns,
            {table: catalog.digest(connection, table, columns[table], key) for table, key in keys.items()},
            {table: catalog.relfilenode(connection, table) for table in keys},
        )

    def changes(self, connection: Connection) -> tuple[TableChange, ...]:
        """What has become of each since, by the columns that it had."""
        return tuple(self._change(connection, table) for table in self.keys)

    def _change(self, connection: Connection, table: str) -> TableChange:
        names, old = self.columns[table], self.digests[table]
        new = catalog.digest(connection, table, names, self.keys[table])
        return TableChange(
            name=table,
            columns=len(names),
            rows_before=old.rows,
            rows_after=new.rows,
            digest_before=old.md5,
            digest_after=new.md5,
            file_before=self.files[table],
            file_after=catalog.relfilenode(connection, table),
        )
