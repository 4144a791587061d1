"""The handler of a checkout run as it is: what only running shows is found by its claim, at its line."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from harness.checks.checkout_claims import BACKEND, HANDLER_CLAIMS, claims_of
from harness.database.server import Server, running_server
from harness.rollout import load_rollout
from harness.run.check_backend import AppliedMigrations, check_backend
from harness.run.check_handler import check_handler
from harness.verdict import Judgement, Results, Status
from tests.checkout.edits import (
    CORRECTED,
    HELPERS,
    HERE,
    MIGRATION,
    MIGRATIONS,
    ROUTE,
    USAGE,
    Edit,
    backend,
    line_of,
)

FILES: Final = {"route": ROUTE, "helpers": HELPERS, "usage": USAGE}
FAULTS: Final[list[dict[str, Any]]] = tomllib.loads((HERE / "handler_faults.toml").read_text())["fault"]

pytestmark = pytest.mark.usefixtures("packages")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


def judged(server: Server, checkout: Path) -> tuple[dict[str, Judgement], list[str]]:
    rollout = load_rollout()
    results = Results(claims_of((BACKEND,), rollout.tables))
    read = check_backend(results, rollout, checkout)
    made = AppliedMigrations([], checkout / MIGRATIONS, frozenset((MIGRATION.rpartition("/")[2],)))
    remarks = check_handler(results, rollout, read, made, server)
    return {each.id: each for each in results.judgements() if each.id in HANDLER_CLAIMS}, remarks


def test_the_corrected_handler_is_proven(server: Server, tmp_path: Path) -> None:
    claims, remarks = judged(server, backend(tmp_path, *CORRECTED))
    assert {claim.status for claim in claims.values()} == {Status.PROVEN}
    assert "requests to the handler under Node" in claims["V1"].detail
    assert "stood in for: posthog-node" in remarks[0]


@pytest.mark.catalogue
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["name"])
def test_what_only_running_shows_is_found(server: Server, fault: dict[str, Any], tmp_path: Path) -> None:
    edits = [Edit(FILES[edit["file"]], edit["old"], edit["new"]) for edit in fault["edit"]]
    checkout = backend(tmp_path, *CORRECTED, *edits)
    claims, _ = judged(server, checkout)
    assert claims[fault["claim"]].status is Status.REFUTED
    file = next(file for file in FILES.values() if fault["at"] in (checkout / file).read_text())
    line = line_of(checkout, file, fault["at"])
    places = {finding.condition.partition(": ")[0] for finding in claims[fault["claim"]].findings}
    assert any(place == f"{file}:{line}" or place.startswith(f"{file}:{line}-") for place in places), places


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (
            Edit(ROUTE, "const url = new URL(request.url);", "const url = missing(request.url);"),
            f"{ROUTE}:13: missing is not defined",
        ),
        (
            Edit(USAGE, "${metadataFields.max_tokens}", "${String(posthogClient.flags())}"),
            '22P02 invalid input syntax for type bigint: "stub:new posthog-node.PostHog.flags()"',
        ),
        (
            Edit(USAGE, "${metadataFields.max_tokens}", "${core.missing.name}"),
            f"{USAGE}:164: Cannot read properties of undefined (reading 'name')",
        ),
        (
            Edit(HELPERS, "  after(", "  if (!usageContext) after("),
            "it replies, and its work ends without a row",
        ),
    ],
    ids=["throws", "needs what is stood in for", "throws and is logged", "never stores"],
)
def test_what_cannot_be_run_is_unknown(server: Server, edit: Edit, reason: str, tmp_path: Path) -> None:
    claims, _ = judged(server, backend(tmp_path, *CORRECTED, edit))
    assert {claim.status for claim in claims.values()} == {Status.UNKNOWN}
    assert claims["V1"].detail.startswith(f"the handler cannot be run: {reason}")
