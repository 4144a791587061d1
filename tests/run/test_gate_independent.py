"""The gate on backends that share with the reference only what it may assume, with faults and without."""

from collections.abc import Iterator

import pytest

from harness.database.server import Server
from harness.report.document import Report
from harness.verdict import Status, Verdict
from tests.backends.defects import DEFECTS, KINDS, Failure, IndependentDefect, Kind, defect_names
from tests.fix_backends import Backend, independent, variants
from tests.fix_gate import Judge, of_backend, with_status

MEANT = {
    Failure.RULE: {"V1", "V2", "V3", "V8"},
    Failure.VALUE: {"V1", "V2", "V3"},
    Failure.LEAK: {"V5"},
    Failure.REPLY: {"V4"},
    Failure.IDENTITY: {"I1", "I2"},
    Failure.ROWS: {"R1"},
}
"""Claims of which one at least is refuted by a broken promise of the sort."""

BAD_DAYS = {
    "429-half": "429",
    "500-half": "500",
    "html": "text/html",
    "hang": "no whole reply",
    "close-random": "closed",
}
"""What a reason must hold of a day."""

Backends = dict[tuple[str | None, str | None], Backend]


@pytest.fixture(scope="module", params=KINDS)
def faulty(request: pytest.FixtureRequest, server: Server) -> Iterator[Backends]:
    """One process with a listener for each fault; they share a database, whose rows are not all by the rule."""
    with (
        server.database() as dsn,
        variants(request.param, dsn, defect_names(request.param), late_ms=(10, 80)) as started,
    ):
        yield started


@pytest.fixture(scope="module", params=KINDS)
def unwell(request: pytest.FixtureRequest, server: Server) -> Iterator[Backends]:
    """One process with a listener for each bad day."""
    with (
        server.database() as dsn,
        variants(request.param, dsn, modes=tuple(BAD_DAYS), late_ms=(5, 60)) as started,
    ):
        yield started


async def judged(run_gate: Judge, backend: Backend, wait_rows_s: float = 3.0) -> Report:
    return await run_gate(of_backend(backend), wait_rows_s=wait_rows_s, timeout_s=2.0, time_limit_s=40.0)


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_backend_with_nothing_wrong_is_go(kind: Kind, empty_dsn: str, run_gate: Judge) -> None:
    with independent(kind, empty_dsn, late_ms=(5, 60)) as backend:
        report = await run_gate(of_backend(backend), wait_rows_s=60.0, timeout_s=30.0, time_limit_s=200.0)
    assert report.verdict is Verdict.GO
    assert with_status(report, Status.PROVEN) == {one.claim.id for one in report.judgements}


@pytest.mark.catalogue
@pytest.mark.parametrize(
    ("faulty", "defect"),
    [pytest.param(defect.kind, defect, id=f"{defect.kind}-{defect.name}") for defect in DEFECTS],
    indirect=["faulty"],
)
async def test_a_fault_is_no_go_by_a_claim_for_its_sort(
    faulty: Backends, defect: IndependentDefect, run_gate: Judge
) -> None:
    report = await judged(run_gate, faulty[defect.name, None], wait_rows_s=1.5)
    assert report.verdict is Verdict.NO_GO
    refuted = with_status(report, Status.REFUTED)
    assert refuted & MEANT[defect.failure]
    assert not refuted & {"M3", "M4"}


@pytest.mark.catalogue
@pytest.mark.parametrize("mode", BAD_DAYS)
async def test_a_bad_day_is_inconclusive_with_its_reason(
    unwell: Backends, mode: str, run_gate: Judge
) -> None:
    report = await judged(run_gate, unwell[None, mode])
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.REFUTED) == set()
    assert report.seconds < 40
    (replies,) = (one for one in report.judgements if one.claim.id == "V4")
    assert BAD_DAYS[mode] in replies.detail


@pytest.mark.catalogue
@pytest.mark.parametrize("kind", KINDS)
async def test_a_backend_that_dies_in_mid_run_is_inconclusive(
    kind: Kind, empty_dsn: str, run_gate: Judge
) -> None:
    with independent(kind, empty_dsn, mode="die-after-60", late_ms=(5, 60)) as backend:
        report = await judged(run_gate, backend)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert with_status(report, Status.REFUTED) == set()
    assert any("does not answer any more" in remark for remark in report.remarks)


@pytest.mark.catalogue
@pytest.mark.parametrize("kind", KINDS)
async def test_a_platform_that_overwrites_addresses_is_known_and_go(
    kind: Kind, empty_dsn: str, run_gate: Judge
) -> None:
    with independent(kind, empty_dsn, mode="overwrites-forwarded-for", late_ms=(5, 60)) as backend:
        report = await judged(run_gate, backend)
    assert report.verdict is Verdict.GO
    assert any("overwrites x-forwarded-for" in remark for remark in report.remarks)
