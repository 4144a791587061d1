"""The files of an embedded server: where they are made, from which seed, and which of them a later start removes."""

import os
import pwd
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from harness.database import cluster, server_seeds
from harness.database.cluster import Account, ServerDirectory

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder with a name short enough for sockets, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="t") as path:
        yield Path(path)


@pytest.fixture
def account() -> Account:
    return Account(os.geteuid(), os.getegid(), changes=False)


@pytest.fixture
def new_place(base: Path, account: Account) -> Iterator[Callable[[], ServerDirectory]]:
    """Makes places in `base`, held until the test ends."""
    places: list[ServerDirectory] = []

    def make() -> ServerDirectory:
        places.append(cluster.make_directory([(str(base), 0)], account, runs_programs=False))
        return places[-1]

    yield make
    for place in places:
        os.close(place.lock)


def abandoned(base: Path, account: Account) -> Path:
    """The directory of a server whose processes are all dead."""
    place = cluster.make_directory([(str(base), 0)], account, runs_programs=False)
    os.close(place.lock)
    return place.path


def test_place_is_made_in_the_first_base_that_will_do(base: Path, account: Account) -> None:
    (base / ("long" * 30)).mkdir()
    unfit = [("/nonexistent", 0), (str(base), 1 << 60), (str(base / ("long" * 30)), 0)]
    place = cluster.make_directory([*unfit, (str(base), 1)], account, runs_programs=False)
    os.close(place.lock)
    assert place.path.parent == base
    with pytest.raises(
        OSError, match=r"not writable, .* less than 1099511627776 MiB free, .* too long a socket"
    ):
        cluster.make_directory(unfit, account, runs_programs=False)


def test_sweep_removes_what_nobody_holds(base: Path, account: Account) -> None:
    path = abandoned(base, account)
    (path / "data" / "base").mkdir()
    (path / "data" / "base" / "1").write_text("rows")
    cluster.sweep([str(base), str(base)])
    assert not path.exists()


def test_sweep_spares_what_somebody_holds(base: Path, new_place: Callable[[], ServerDirectory]) -> None:
    place = new_place()
    cluster.sweep([str(base)])
    assert place.socket.is_dir()


def test_sweep_spares_what_is_held_by_a_child_alone(base: Path, account: Account) -> None:
    place = cluster.make_directory([(str(base), 0)], account, runs_programs=False)
    inherited = os.dup(place.lock)  # as the postmaster's is, when its watchdog has been killed
    os.close(place.lock)
    cluster.sweep([str(base)])
    assert place.path.is_dir()
    os.close(inherited)


def test_sweep_spares_other_names_and_does_not_follow_links(base: Path) -> None:
    (base / "other").mkdir()
    (base / f"{cluster.PREFIX}link").symlink_to(base / "other")
    (base / f"{cluster.PREFIX}file").touch()
    before = sorted(base.iterdir())
    cluster.sweep([str(base)])
    assert sorted(base.iterdir()) == before


@as_root
def test_sweep_spares_what_another_user_made(base: Path, account: Account) -> None:
    path = abandoned(base, account)
    os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    cluster.sweep([str(base)])
    assert path.is_dir()


class Initdb:
    """Stands in for initdb, which takes half a second; each run of it makes other data."""

    runs = 0

    def __call__(self, command: Sequence[str]) -> str:
        self.runs += 1
        data = Path(command[command.index("--pgdata") + 1])
        (data / "base" / "1").mkdir(parents=True)
        (data / "base" / "1" / "1259").write_text(f"run {self.runs}")
        (data / "PG_VERSION").write_text("16\n")
        (data / "pg_twophase").mkdir()
        return ""


@pytest.fixture
def filled(base: Path, account: Account, new_place: Callable[[], ServerDirectory]) -> Callable[[], Path]:
    """Makes a place and its data, always with the same seeds and the same initdb."""
    initdb = Initdb()

    def fill() -> Path:
        place = new_place()
        server_seeds.fill(place, Path("/install"), account, initdb, base / "cache" / "seeds", "16.0")
        return place.data

    return fill


def content(data: Path) -> dict[str, str | None]:
    paths = sorted(data.rglob("*"))
    return {str(path.relative_to(data)): path.read_text() if path.is_file() else None for path in paths}


def test_seed_saves_the_next_initdb(filled: Callable[[], Path]) -> None:
    first, second = filled(), filled()
    assert content(first)["base/1/1259"] == "run 1"
    assert content(second) == content(first)
    assert (second / "pg_twophase").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", ["changed", "shortened", "missing", "moved", "unsigned", "empty"])
def test_seed_is_made_anew_when_damaged(damage: str, filled: Callable[[], Path], base: Path) -> None:
    filled()
    (seed,) = (base / "cache" / "seeds").iterdir()
    victim = seed / "data/base/1/1259"
    match damage:
        case "changed":
            victim.write_text("rux 1")
        case "shortened":
            victim.write_text("run ")
        case "missing":
            victim.unlink()
        case "moved":
            victim.rename(victim.with_name("1260"))
        case "unsigned":
            (seed / "checksum").unlink()
        case "empty":
            (seed / "data").rename(base / "elsewhere")
    second, third = filled(), filled()
    assert content(second)["base/1/1259"] == "run 2"
    assert content(third) == content(second)


def test_seed_that_was_never_finished_is_not_used(filled: Callable[[], Path], base: Path) -> None:
    filled()
    (seed,) = (base / "cache" / "seeds").iterdir()
    seed.rename(seed.with_name(f"{seed.name}.part"))
    assert content(filled())["base/1/1259"] == "run 2"
    assert list(seed.parent.iterdir()) == [seed]


def test_seed_is_kept_by_one_start_at_a_time(filled: Callable[[], Path], base: Path) -> None:
    seeds = base / "cache" / "seeds"
    with server_seeds._only_writer(seeds):
        filled()
    assert not list(seeds.iterdir())


@as_root
def test_seed_of_another_user_is_not_used(filled: Callable[[], Path], base: Path) -> None:
    filled()
    (seed,) = (base / "cache" / "seeds").iterdir()
    os.chown(seed, pwd.getpwnam("nobody").pw_uid, -1)
    assert content(filled())["base/1/1259"] == "run 2"
