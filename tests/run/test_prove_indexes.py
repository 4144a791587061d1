"""The indexes that any rollout's steps build: as declared, found by, built beside others, refused in a transaction."""

import shutil
from pathlib import Path

import pytest

from harness.data import fixture_path
from harness.database.asked_claims import asked_of, not_asked_of
from harness.database.server import Server
from harness.rollout import load_rollout
from harness.rule.level import Level
from harness.run.options.prove import ProveOptions
from harness.run.prove import prove
from harness.run.rollout_claims import rollout_claims
from harness.verdict import Judgement, Status

TABLE = "microdollar_usage_metadata"
BUILD = f"CREATE INDEX CONCURRENTLY by_machine ON {TABLE} (machine_id);\n"
CLAIMS = ("M4", "M5", "M6", "M10")


def step(name: str, file: str, more: str = "") -> str:
    return f'[[step]]\nname = "{name}"\nup = "{file}"\n{more}\n\n'


def folder_of(tmp_path: Path, build: str = BUILD, later: str = "") -> Path:
    """The folder of machine-id with an index built behind its column, and perhaps a step behind that."""
    for name in ("machine-id", "kilo"):
        shutil.copytree(fixture_path(f"rollouts/{name}"), tmp_path / name)
    folder = tmp_path / "machine-id"
    (folder / "up" / "build.sql").write_text(build)
    steps = step("build the index", "up/build.sql", "concurrent = true")
    if later:
        (folder / "up" / "later.sql").write_text(later)
        steps += step("one more", "up/later.sql")
    file = folder / "rollout.toml"
    deploy = '[[step]]\nname = "deploy the backend"'
    assert deploy in file.read_text()
    file.write_text(file.read_text().replace(deploy, steps + deploy))
    return folder


def judged(server: Server, folder: Path) -> dict[str, Judgement]:
    options = ProveOptions(Level.SMOKE, postgres=server.dsn("postgres"), rollout=folder)
    return {one.id: one for one in prove(options, lambda _: None, only=frozenset(CLAIMS)).judgements}


def test_index_of_any_rollout_is_proven(server: Server, tmp_path: Path) -> None:
    found = judged(server, folder_of(tmp_path))
    assert {name: one.status for name, one in found.items()} == dict.fromkeys(CLAIMS, Status.PROVEN)
    assert (found["M6"].observed, found["M10"].observed) == (24, 3)


@pytest.mark.parametrize(
    ("build", "later", "refuted", "told"),
    [
        pytest.param(BUILD, "DROP INDEX by_machine;", "M4 M5", "there is no index", id="dropped later"),
        pytest.param(
            f"CREATE INDEX ahead ON {TABLE} (message_id);\n{BUILD}", "", "M6", "kept out: insert", id="one that locks"
        ),
        pytest.param(f"COMMIT;\n{BUILD}", "", "M10", "expected refused with 25001", id="its own COMMIT"),
    ],
)  # fmt: skip
def test_index_that_does_otherwise_is_refuted(
    server: Server, tmp_path: Path, build: str, later: str, refuted: str, told: str
) -> None:
    found = judged(server, folder_of(tmp_path, build, later))
    assert [name for name in CLAIMS if found[name].status is Status.REFUTED] == refuted.split()
    assert told in found[refuted.split()[0]].findings[0].effect


@pytest.mark.parametrize(
    "definition", ["(machine_id) WHERE machine_id <> ''", "(lower(machine_id))", "(http_ip_id)"]
)
def test_index_of_another_kind_is_no_look_up_by_value(tmp_path: Path, definition: str) -> None:
    rollout = load_rollout(
        folder_of(tmp_path, f"CREATE INDEX CONCURRENTLY by_machine ON {TABLE} {definition};\n")
    )
    assert {"M4", "M5"}.isdisjoint(asked_of(rollout))
    assert {"M6", "M10"} <= {claim.id for claim in rollout_claims(rollout, Level.SMOKE)}
    assert (("M4", "M5"), "no step builds a plain index of the column") in not_asked_of(rollout)
