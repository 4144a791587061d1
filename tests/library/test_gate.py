"""The gate as a function: the typed report comes back, in a loop or not, and what is wrong is told by its verdict."""

from pathlib import Path

import pytest

from harness import Report, UsageError, Verdict, gate
from tests.fix_stack import StartReplica

MODEL = "harness/stub:free"
NO_ACCOUNT = {"I1": "no test account", "I2": "no test account"}


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


async def test_a_backend_is_judged_inside_a_loop(start: StartReplica, ready_dsn: str) -> None:
    replica = await start(ready_dsn)
    report = gate(replica.origin, ready_dsn, free_model=MODEL, waive=NO_ACCOUNT)
    assert isinstance(report, Report)
    assert report.verdict is Verdict.GO
    assert {judgement.id for judgement in report.judgements if judgement.waived} == set(NO_ACCOUNT)


async def test_a_faulty_backend_is_no_go(start: StartReplica, ready_dsn: str) -> None:
    replica = await start(ready_dsn, build="limit-256")
    report = gate(replica.origin, ready_dsn, free_model=MODEL, waive=NO_ACCOUNT)
    assert report.verdict is Verdict.NO_GO
    (found,) = {finding.claim for judgement in report.judgements for finding in judgement.findings}
    assert found == "V2"


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="V1"):
        gate("http://127.0.0.1:1", "postgresql:///x", free_model=MODEL, waive={"V1": "because"})
