"""Where a server of this machine keeps its data, so much more of it has room."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.database import disk_room
from harness.database.disk_room import bytes_free
from harness.database.runners import connect
from harness.database.server import Server


@contextmanager
def data_at(directory: Path | str, server: Server) -> Iterator[object]:
    """A connection that says of itself that it is a local one, whose server's data lies there."""
    with connect(server.admin_dsn) as connection:

        class Local:
            info = type("Info", (), {"host": "/socket"})
            execute = staticmethod(lambda _: connection.execute("SELECT %s", [str(directory)]))

        yield Local()


def test_embedded_server_has_room_and_another_machine_none_seen(server: Server) -> None:
    with connect(server.admin_dsn) as connection:
        free = bytes_free(connection)
    if server.kind == "embedded":
        assert free is not None
        assert 0 < free < os.sysconf("SC_PAGE_SIZE") << 40
    else:
        assert free is None or server.kind == "dsn"


def test_folder_that_is_not_here_has_no_room_known(server: Server) -> None:
    with data_at("/nonexistent", server) as connection:
        assert bytes_free(connection) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("in_memory", "free"), [(True, 1024), (False, None)])
def test_data_in_memory_is_paid_for_with_memory(
    in_memory: bool, free: int | None, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_room, "_in_memory", lambda _: in_memory)
    monkeypatch.setattr(disk_room, "_memory_available", lambda: 1024)
    place = os.statvfs(tmp_path)
    with data_at(tmp_path, server) as connection:
        found = bytes_free(connection)  # type: ignore[arg-type]
    assert found == free if free else found is not None and found > place.f_frsize
