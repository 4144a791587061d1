"""A rollout of another header: every name comes from its folder, and none is known to the code."""

import shutil
from pathlib import Path

import pytest

from harness.checks.checkout_claims import BACKEND, claims_of
from harness.data import fixture_path
from harness.database.server import Server
from harness.rollout import load_rollout
from harness.run.check import check
from harness.run.options.check import CheckOptions
from harness.verdict import Status, Verdict
from tests.checkout.edits import CORRECTED, ROUTE, backend

NAMES = {
    "posthog_distinct_id": "install_id",
    "x-posthog-distinct-id": "x-install-id",
    "posthog-distinct-id": "install-id",
    "posthogDistinctId": "installId",
}

pytestmark = pytest.mark.usefixtures("packages")


def renamed(folder: Path) -> None:
    """Every name in the files of a folder, and in the names of its files, in place of ours."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        text, name = path.read_text(encoding="utf-8"), path.name
        for old, new in NAMES.items():
            text, name = text.replace(old, new), name.replace(old, new)
        path.write_text(text, encoding="utf-8")
        path.rename(path.with_name(name))


@pytest.fixture
def rollout(tmp_path: Path) -> Path:
    for name in ("kilo", "posthog-distinct-id"):
        shutil.copytree(fixture_path(f"rollouts/{name}"), tmp_path / "rollouts" / name)
    renamed(tmp_path / "rollouts" / "posthog-distinct-id")
    return tmp_path / "rollouts" / "posthog-distinct-id"


def checkout(folder: Path) -> Path:
    made = backend(folder, *CORRECTED)
    renamed(made)
    return made


def test_a_backend_is_judged_by_its_own_rollout(tmp_path: Path, rollout: Path, server: Server) -> None:
    options = CheckOptions(backend=checkout(tmp_path), rollout=rollout, postgres=server.dsn("postgres"))
    report = check(options, lambda _: None)
    assert report.verdict is Verdict.GO, [(each.id, each.detail, each.findings) for each in report.judgements]
    assert report.subject == "x-install-id"


def test_a_fault_is_found_by_its_own_rollout(tmp_path: Path, rollout: Path, server: Server) -> None:
    made = checkout(tmp_path)
    path = made / ROUTE
    path.write_text(path.read_text().replace("<= 255", "<= 256"))
    options = CheckOptions(backend=made, rollout=rollout, postgres=server.dsn("postgres"))
    report = check(options, lambda _: None)
    assert {each.id for each in report.judgements if each.status is Status.REFUTED} == {"V2"}


@pytest.mark.parametrize(("name", "is_asked"), [("posthog-distinct-id", True), ("machine-id", False)])
def test_a_value_of_its_own_is_asked_where_one_is(name: str, is_asked: bool) -> None:
    tables = load_rollout(fixture_path(f"rollouts/{name}")).tables
    assert ("I1" in {claim.id for claim in claims_of((BACKEND,), tables)}) is is_asked
