"""Postgres in a Docker container, by testcontainers.

Imported only when Docker is asked for: testcontainers takes half a second.
"""

import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import psycopg

from harness.database.settings import settings
from harness.errors import UnavailableError
from harness.polling import poll_until

try:
    from docker.errors import DockerException
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.core.config import ConnectionMode
    from testcontainers.core.docker_client import DockerClient, get_docker_host
except ImportError as error:
    raise UnavailableError(
        f"Postgres in Docker needs a package that is not installed ({error.name}): "
        "pip install 'rollout-harness[docker]', or choose `embedded` or a postgresql:// DSN instead"
    ) from None

DEFAULT_IMAGE: Final = "postgres:16"
ENGINE_SECONDS: Final = 2
"""An engine answers in milliseconds; something else on its socket may never answer."""
READY_S_MAX: Final = 60.0

_LOCALHOST: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_INSTEAD: Final = "start one, set DOCKER_HOST, or choose `embedded` or a postgresql:// DSN instead"


def check_engine() -> None:
    """Raises UnavailableError, which names the socket tried, unless a Docker engine answers there."""
    host = get_docker_host() or "unix:///var/run/docker.sock"
    try:
        if host.startswith("unix://"):
            with socket.socket(socket.AF_UNIX) as probe:  # docker-py leaks the socket of a refused connection
                probe.settimeout(ENGINE_SECONDS)
                probe.connect(host.removeprefix("unix://"))
        DockerClient(timeout=ENGINE_SECONDS).client.close()  # the constructor asks for the engine's version
    except (DockerException, OSError) as error:
        raise UnavailableError(
            f"no Docker engine answers at {host} ({_one_line(error)}); {_INSTEAD}"
        ) from error


@contextmanager
def postgres_container(image: str = DEFAULT_IMAGE) -> Iterator[str]:
    """The DSN of a superuser on Postgres in a new container of that image, removed on exit.

    When this process is killed, testcontainers' reaper removes it, unless that is switched off.
    Raises UnavailableError when there is no engine, no such image, or no Postgres in it.
    """
    check_engine()
    container = _Container(
        image, username="postgres", password=secrets.token_hex(16), dbname="postgres", driver=None
    )
    options = [part for name, value in settings(durable=False).items() for part in ("-c", f"{name}={value}")]
    container.with_command(["postgres", *options])
    container.with_tmpfs_mount("/pgdata").with_env("PGDATA", "/pgdata/data")
    container.with_kwargs(shm_size="256m")  # parallel index builds share memory; Docker's 64 MB is too little
    with ExitStack() as stack:
        with _explained(image):
            stack.enter_context(container)
        yield container.get_connection_url()


class _Container(PostgresContainer):
    """Published on loopback only, and ready when Postgres takes the connection of whoever asked for it."""

    def _configure(self) -> None:
        super()._configure()
        client = self.get_docker_client()
        if client.get_connection_mode() is ConnectionMode.docker_host and client.host() in _LOCALHOST:
            self.ports = {str(self.port): ("127.0.0.1", None)}  # type: ignore[dict-item]  # docker-py takes an address too

    def _connect(self) -> None:
        errors: list[psycopg.OperationalError] = []
        if not poll_until(lambda: self._is_ready(errors), READY_S_MAX, pause_s=0.05):
            raise _NotPostgresError(f"took no connection in {READY_S_MAX:.0f} s: {_one_line(errors[-1])}")

    def _is_ready(self, errors: list[psycopg.OperationalError]) -> bool:
        """Whether it takes a connection; why it does not is added to `errors`. Raises _NotPostgresError if it ended."""
        self.reload()
        if self.status != "running":
            log = self.get_wrapped_container().logs(tail=3).decode(errors="replace")
            raise _NotPostgresError(f"is {self.status}: {_one_line(log)}")
        try:
            psycopg.connect(self.get_connection_url(), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            errors.append(error)
            return False
        return True


class _NotPostgresError(Exception):
    """The container runs, or ran, but no Postgres answers in it."""


@contextmanager
def _explained(image: str) -> Iterator[None]:
    try:
        yield
    except _NotPostgresError as error:
        raise UnavailableError(f"the container of {image} {error}; name an image of Postgres") from error
    except (DockerException, OSError) as error:
        raise UnavailableError(
            f"Docker cannot start a container of {image} ({_one_line(error)}); "
            "name an image that is there or can be pulled, or choose `embedded` or a postgresql:// DSN instead"
        ) from error


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
