"""Claims as tests: one each, chosen as pytest chooses, and nothing run that the chosen ones do not need."""

import psycopg
import pytest

from harness import RunningStage
from harness.data import fixture_path
from harness.database.server import Server
from harness.report.document import from_json
from harness.rule.level import Level
from harness.run.gate_claims import claims_of as gate_claims
from harness.run.proof_claims import claims_of
from tests.fix_orders import ORDERS, Orders
from tests.library.test_plugin import PLUGIN, run_pytest


def claims(pytester: pytest.Pytester, server: Server, *options: str) -> pytest.RunResult:
    return run_pytest(
        pytester,
        *PLUGIN,
        "-p",
        "no:asyncio",
        "--rollout-claims",
        f"--rollout-postgres={server.admin_dsn}",
        *options,
    )


def test_each_claim_is_a_test(pytester: pytest.Pytester, server: Server) -> None:
    pytester.makepyfile("def test_not_asked_for(): assert False")
    every = [claim.id for claim in claims_of(Level.SMOKE)]
    collected = claims(pytester, server, "--collect-only", "-q").outlines
    assert [line.removeprefix("rollout::") for line in collected if line.startswith("rollout::")] == every
    some = [name for name in every if name.startswith("E") and name != "E6"]  # of one part, under Node
    count = len(some)
    assert count > 3
    ended = claims(pytester, server, "-n", "2", "--junitxml=junit.xml", "-k", " or ".join(some))
    ended.assert_outcomes(passed=count)  # all of them, at level standard: tox -e proof
    junit = (pytester.path / "junit.xml").read_text()
    assert junit.count("<testcase ") == count
    assert '<property name="observed"' in junit


def test_claims_of_another_rollout(pytester: pytest.Pytester, server: Server) -> None:
    folder = f"--rollout={fixture_path('rollouts/machine-id')}"
    claims(pytester, server, folder, "-k", "E5 or M3").assert_outcomes(passed=2, deselected=21)


def test_what_cannot_run_makes_every_claim_unknown_at_once(pytester: pytest.Pytester, server: Server) -> None:
    nowhere = "--rollout-postgres=postgresql://me:sesame@127.0.0.1:1/x"
    ended = claims(pytester, server, nowhere, "-k", "V1 or V2")
    ended.assert_outcomes(failed=2, deselected=len(claims_of(Level.SMOKE)) - 2)
    ended.stdout.fnmatch_lines(["unknown, as nothing could be run: cannot connect*"])
    assert "sesame" not in ended.stdout.str()
    assert "Traceback" not in ended.stdout.str()


def test_a_refuted_claim_fails_and_only_its_part_is_run(pytester: pytest.Pytester, server: Server) -> None:
    options = ("--rollout-build=limit-256", "--rollout-json=report.json")
    ended = claims(pytester, server, *options, "-k", "V2 or V1")
    ended.assert_outcomes(passed=1, failed=1, deselected=len(claims_of(Level.SMOKE)) - 2)
    ended.stdout.fnmatch_lines(
        [
            "V2: A header of 255 characters is stored, one of 256 is not.",
            "refuted by * of * observations",
            "*replay * harness replay '--line=*' --build=limit-256",
        ]
    )
    report = from_json((pytester.path / "report.json").read_text())
    assert report.plan == ("only: headers over the wire",)  # no migration
    assert report.sections.orders is None
    assert [judgement.id for judgement in report.judgements] == ["V1", "V2"]
    again = claims(pytester, server, "--lf", "--collect-only", "-q")
    again.stdout.fnmatch_lines(["rollout::V2"])
    assert "rollout::V1" not in again.stdout.str()


@pytest.mark.parametrize(
    ("options", "outcome"),
    [((), {"failed": 1}), (("--rollout-waive=I1=no test account",), {"skipped": 1})],
    ids=["unknown fails", "waived is skipped"],
)
def test_what_is_unknown_at_a_target(
    pytester: pytest.Pytester,
    server: Server,
    rollout_stage: RunningStage,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    outcome: dict[str, int],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path))
    target = (f"--rollout-target={rollout_stage.url}", f"--rollout-database-url={rollout_stage.dsn}")
    model = f"--rollout-set=model={rollout_stage.parameters['model']}"
    ended = claims(pytester, server, *target, model, "-k", "I1", *options)
    ended.assert_outcomes(**outcome, deselected=len(gate_claims("after")) - 1)


def test_claims_of_the_database_send_nothing(
    pytester: pytest.Pytester, server: Server, rollout_stage: RunningStage
) -> None:
    def counted() -> object:
        with psycopg.connect(rollout_stage.dsn) as connection:
            return connection.execute("SELECT count(*) FROM microdollar_usage").fetchone()

    before = counted()
    target = (f"--rollout-target={rollout_stage.url}", f"--rollout-database-url={rollout_stage.dsn}")
    ended = claims(pytester, server, *target, "--rollout-set=model=harness/stub:free", "-k", "M3 or M4")
    ended.assert_outcomes(passed=2, deselected=len(gate_claims("after")) - 2)
    assert counted() == before


def test_a_target_is_judged_by_the_claims_of_another_rollout(
    pytester: pytest.Pytester,
    server: Server,
    orders: Orders,
    orders_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(pytester.path))
    folder, dsn = f"--rollout={ORDERS}", f"--rollout-database-url={orders_dsn}"
    good = claims(pytester, server, folder, dsn, f"--rollout-target={orders()}", "-k", "V2 or M3")
    good.assert_outcomes(passed=2, deselected=11)
    wrong = claims(pytester, server, folder, dsn, f"--rollout-target={orders('lowered')}", "-k", "C2 or V3")
    wrong.assert_outcomes(passed=1, failed=1, deselected=11)
    wrong.stdout.fnmatch_lines(["*refuted by * of * observations*"])
