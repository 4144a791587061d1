"""The handler of a checkout run as it is: what only running shows is found by its claim, at its line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from harness.checkout.migrated import EMPTY, migrated
from harness.checks.checkout_claims import BACKEND, HANDLER_CLAIMS, claims_of
from harness.database.declared import declared_store
from harness.database.drizzle_folder import Folder
from harness.database.server import Server
from harness.report.document import from_json
from harness.rollout import load_rollout
from harness.run.check_backend import AppliedMigrations, check_backend
from harness.run.check_handler import check_handler, check_way
from harness.verdict import Judgement, Results, Status
from tests.checkout.edits import (
    BROKEN,
    CORRECTED,
    CORRECTED_ID,
    HELPERS,
    IDENTIFIED,
    MIGRATION,
    MIGRATIONS,
    REWRITES,
    ROUTE,
    TYPED,
    USAGE,
    Edit,
    backend,
    client,
    entries,
    line_of,
    rewrite,
)
from tests.command import HARNESS

FILES: Final = {"route": ROUTE, "helpers": HELPERS, "usage": USAGE}
FAULTS: Final[list[dict[str, Any]]] = entries("handler_fault")

ROWLESS: Final = {"V4", "I1", "I2", "R1"}

pytestmark = pytest.mark.usefixtures("packages")


def judged(server: Server, checkout: Path, *more: str) -> tuple[dict[str, Judgement], list[str]]:
    rollout = load_rollout()
    results = Results(claims_of((BACKEND,), rollout.tables))
    read = check_backend(results, rollout, checkout)
    folder, ours = checkout / MIGRATIONS, frozenset((MIGRATION.rpartition("/")[2],))
    with server.database() as empty:
        outcome = migrated(empty, declared_store(rollout), EMPTY, Folder.read(folder))
        made = AppliedMigrations([], folder, ours, outcome, empty)
        handler = check_handler(results, rollout, read, made, server)
    check_way(results, read, handler)
    wanted = {*HANDLER_CLAIMS, *more}
    return {each.id: each for each in results.judgements() if each.id in wanted}, handler.remarks


def test_the_corrected_handler_is_proven(server: Server, tmp_path: Path) -> None:
    claims, remarks = judged(server, backend(tmp_path, *CORRECTED))
    assert {claim.status for claim in claims.values()} == {Status.PROVEN}
    assert "requests to the handler under Node" in claims["V1"].detail
    assert "stood in for: posthog-node" in remarks[0]


BY_TABLE: Final = (
    Edit(
        USAGE,
        "    INSERT INTO microdollar_usage_metadata (\n",
        "    , distinct_id_new AS (SELECT ${metadataFields.posthog_distinct_id}::text AS id)\n"
        "    INSERT INTO microdollar_usage_metadata (\n",
    ),
    Edit(
        USAGE,
        "      ${metadataFields.posthog_distinct_id},\n",
        "      (SELECT id FROM distinct_id_new),\n",
    ),
)
"""The value by way of another table of the statement, as ids of lookup tables go."""


def test_what_the_rows_have_is_not_refuted_by_the_parser(server: Server, tmp_path: Path) -> None:
    checkout = backend(tmp_path, *CORRECTED, *BY_TABLE)
    claims, _ = judged(server, checkout, "F3", "F4")
    assert {claim.status for claim in claims.values()} == {Status.PROVEN}
    line = line_of(checkout, USAGE, "      posthog_distinct_id,")
    assert f"the rows have it; not followed: {USAGE}:{line} " in claims["F4"].detail


IN_TRANSACTION: Final = (
    Edit(
        USAGE,
        "  await db.execute(sql`\n    WITH",
        "  await db.transaction(async tx => { await tx.execute(sql`\n    WITH",
    ),
    Edit(USAGE, "_new)\n  `);", "_new)\n  `); await db.execute(sql`DISCARD SEQUENCES`); });"),
)
"""Each request's rows in a transaction of its own, in which it holds rows of lookup tables that others change, too."""


@pytest.mark.catalogue(in_default=False)  # a minute of waiting
def test_transactions_wait_for_each_other(server: Server, tmp_path: Path) -> None:
    claims, _ = judged(server, backend(tmp_path, *CORRECTED, *IN_TRANSACTION))
    assert {claim.status for claim in claims.values()} == {Status.PROVEN}, claims["R1"]


def test_what_does_not_compile_is_refuted_whatever_the_rows_have(server: Server, tmp_path: Path) -> None:
    untyped = [edit for edit in CORRECTED if edit is not TYPED]
    claims, _ = judged(server, backend(tmp_path, *untyped), "F4")
    assert claims["V1"].status is Status.PROVEN
    assert claims["F4"].status is Status.REFUTED
    assert claims["F4"].findings[0].effect.startswith("the project does not compile")


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


@pytest.mark.catalogue
@pytest.mark.parametrize("name", REWRITES)
def test_a_harmless_rewrite_stores_the_same(server: Server, name: str, tmp_path: Path) -> None:
    checkout = backend(tmp_path, *CORRECTED)
    rewrite(checkout, name)
    claims, _ = judged(server, checkout)
    assert {claim.status for claim in claims.values()} == {Status.PROVEN}, claims["V1"]


NO_NETWORK: Final = ("unshare", "--net")
"""Where it may be done; else every address that npm and Node may ask is one that nobody answers at."""


def written(folders: tuple[Path, ...]) -> dict[Path, tuple[int, int]]:
    """When each file and folder was written last, and its size."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in paths}


def test_corrected_checkouts_are_go_without_network_and_kept(tmp_path: Path) -> None:
    checkouts = backend(tmp_path, *CORRECTED), client(tmp_path, CORRECTED_ID, IDENTIFIED)
    report, before = tmp_path / "report.json", written(checkouts)
    may_cut = shutil.which("unshare") and subprocess.run((*NO_NETWORK, "true"), check=False).returncode == 0
    cut = NO_NETWORK if may_cut else ()
    nowhere = "http://127.0.0.1:9/"
    names = (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
        "npm_config_registry",
        "npm_config_proxy",
    )
    done = subprocess.run(
        [*cut, *HARNESS, "check", "--backend", checkouts[0], "--extension", checkouts[1], "--json", report],
        env=os.environ | dict.fromkeys(names, nowhere),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is built by hand alone" in done.stdout
    assert from_json(report.read_text()).server.startswith("Postgres 16")
    assert written(checkouts) == before


def test_prepare_does_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "check", "--prepare"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("drizzle-orm and zod are in ")


def test_prepare_says_what_it_cannot_fetch(tmp_path: Path) -> None:
    nowhere = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_cache": str(tmp_path / "npm")}
    done = subprocess.run(
        [sys.executable, "-m", "harness", "check", "--prepare"],
        env=os.environ | nowhere | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 3
    assert (
        done.stderr.startswith("error: drizzle-orm and zod cannot be fetched: ")
        or "cannot be fetched" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_never_prepared_the_handler_is_unknown(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    claims, _ = judged(server, backend(tmp_path, *CORRECTED))
    assert {claim for claim, each in claims.items() if each.status is Status.UNKNOWN} == ROWLESS
    assert "harness check --prepare" in claims["R1"].detail


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
    assert {claim for claim, each in claims.items() if each.status is Status.UNKNOWN} == ROWLESS
    assert claims["R1"].detail.startswith(f"the handler cannot be run: {reason}")


@pytest.mark.parametrize(
    "name", ["renamed variables", "another helper", "a field that is set later", "headers taken out"]
)
def test_where_it_cannot_be_run_its_reading_is(server: Server, name: str, tmp_path: Path) -> None:
    checkout = backend(tmp_path, *CORRECTED, BROKEN)
    rewrite(checkout, name)
    claims, _ = judged(server, checkout)
    assert {claim for claim, each in claims.items() if each.status is Status.UNKNOWN} == ROWLESS
    assert {claim for claim, each in claims.items() if each.status is Status.PROVEN} == {
        "V1",
        "V2",
        "V3",
        "V5",
    }
    assert f"the handler cannot be run: {ROUTE}:1" in claims["V1"].detail
    assert "its reading of the header was run by itself" in claims["V1"].detail


@pytest.mark.parametrize(
    ("old", "new", "claim"),
    [
        ("<= 255", "<= 256", "V2"),
        ("_-]+$/", "_-]+/", "V3"),
        ("(posthogDistinctIdFromHeader ?? undefined)", "(posthogDistinctIdFromHeader ?? 'none')", "V5"),
        ("/^[a-zA-Z0-9_-]+$/.test(rawDistinctId)", "RULE.test(rawDistinctId)", "V1"),
    ],
    ids=["one too long", "no end", "a default", "a kept expression with g"],
)
def test_a_fault_of_the_reading_is_found_by_itself(
    server: Server, old: str, new: str, claim: str, tmp_path: Path
) -> None:
    kept = Edit(ROUTE, "type Body =", "const RULE = new RegExp('^[a-zA-Z0-9-_]+$', 'g');\n\ntype Body =")
    checkout = backend(tmp_path, *CORRECTED, BROKEN, kept, Edit(ROUTE, old, new))
    claims, _ = judged(server, checkout)
    assert claims[claim].status is Status.REFUTED
    assert claims[claim].findings[0].condition.startswith(f"{ROUTE}:")
    assert "run under Node by itself" in claims[claim].findings[0].condition
