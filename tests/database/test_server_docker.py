"""Postgres in Docker: asked for where there is no engine, no image or no Postgres, and for real."""

import socket
import time
from pathlib import Path

import psycopg
import pytest

from harness.database.server import running_server
from harness.errors import UnavailableError


def test_docker_without_an_engine_is_refused_with_its_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(
        UnavailableError, match=r"unix:///nonexistent/docker.sock .* `embedded` or a postgresql://"
    ):
        running_server("docker").__enter__()


def test_docker_is_refused_in_time_when_the_engine_never_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        begin = time.monotonic()
        with pytest.raises(UnavailableError, match="timed out"):
            running_server("docker").__enter__()
    assert time.monotonic() - begin < 10


@pytest.mark.docker
def test_docker_runs_postgres_on_loopback_and_removes_it() -> None:
    with running_server("docker") as server:
        assert server.kind == "docker"
        with server.database() as dsn, psycopg.connect(dsn) as connection:
            row = connection.execute("SHOW server_version").fetchone()
            assert row is not None
            assert row[0].split()[0] == server.version
            assert connection.execute("SHOW max_prepared_transactions").fetchone() == ("0",)
        admin = server.admin_dsn
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(admin, connect_timeout=2)


@pytest.mark.docker
def test_docker_is_refused_when_the_image_cannot_be_had() -> None:
    with pytest.raises(UnavailableError, match="cannot start a container of localhost:1/none:1"):
        running_server("docker:localhost:1/none:1").__enter__()


@pytest.mark.docker
def test_docker_image_without_postgres_is_refused() -> None:
    import docker

    engine = docker.from_env()
    try:
        engine.api.import_image_from_data(
            bytes(1024), repository="harness-empty", tag="test"
        )  # an empty archive
        with pytest.raises(UnavailableError, match="cannot start a container of harness-empty:test"):
            running_server("docker:harness-empty:test").__enter__()
        engine.images.remove("harness-empty:test")
    finally:
        engine.close()
