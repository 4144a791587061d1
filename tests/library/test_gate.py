"""The gate as a function: the typed report comes back, in a loop or not, and what is wrong is told by its verdict."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Report, RunningStage, Status, UsageError, Verdict, gate, stage
from harness.database.server import Server

MODEL = "harness/stub:free"


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


async def test_a_backend_is_judged_inside_a_loop(rollout_gate: Callable[..., Report]) -> None:
    report = rollout_gate()
    assert isinstance(report, Report)
    assert report.verdict is Verdict.GO
    assert all(judgement.status is Status.PROVEN for judgement in report.judgements)


async def test_a_waived_claim_is_named_with_its_reason(rollout_stage: RunningStage) -> None:
    parameters = {"model": rollout_stage.parameters["model"]}  # nobody is signed in
    report = gate(
        rollout_stage.url, rollout_stage.dsn, parameters=parameters, waive={"I1": "no test account"}
    )
    assert report.verdict is Verdict.GO
    unknown = {each.id: each.waived for each in report.judgements if each.status is Status.UNKNOWN}
    assert unknown == {"I1": "no test account"}


def test_a_faulty_backend_is_no_go(server: Server) -> None:
    with stage(postgres=server.admin_dsn, after="limit-256") as faulty:
        assert faulty.rows(faulty.send("a" * 256))[0].value == "a" * 256
        report = gate(faulty.url, faulty.dsn, parameters=faulty.parameters, max_requests=160)
    assert report.verdict is Verdict.NO_GO
    (found,) = {finding.claim for judgement in report.judgements for finding in judgement.findings}
    assert found == "V2"


def test_a_parameter_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no 'modell'; there are model"):
        gate("http://127.0.0.1:1", "postgresql:///x", parameters={"modell": "x"})


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match="V1"):
        gate("http://127.0.0.1:1", "postgresql:///x", free_model=MODEL, waive={"V1": "because"})
