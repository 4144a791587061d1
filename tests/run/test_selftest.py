"""The self-test catches what it knows by the claim meant for it, and tells when it does not."""

import json

import pytest

from harness.backend import defects as backends
from harness.backend.builds import AFTER
from harness.database.server import Server
from harness.errors import UnavailableError, UsageError
from harness.rehearsal import defects as migrations
from harness.report.document import to_json
from harness.run import selftest as module
from harness.run.deployed import DEPLOYED_MORE
from harness.run.options.selftest import SelftestOptions
from harness.run.selftest import Tried, judged, matrix_of, selftest
from harness.run.trials import Judgements, Trial, TrialServers, trials
from harness.stages import defects as plans
from harness.verdict import Judgement, Status, Verdict, decide
from tests.fix_marks import ENTRIES_TO_ONE

TRIALS = list(trials())


def sort_of(trial: Trial) -> tuple[str, bool, bool]:
    """What is broken, and whether it is to be refuted, or hidden, or harmless."""
    return trial.name.partition(" ")[0], bool(trial.meant), bool(trial.unknown)


CHEAP = ("plan index-in-transaction", "backend limit-256")
"""Others of their sorts take ten times as long."""
ONE_OF_EACH_SORT = list(
    {sort_of(trial): trial for trial in sorted(TRIALS, key=lambda trial: trial.name in CHEAP)}.values()
)
THE_REST = [trial for trial in TRIALS if trial not in ONE_OF_EACH_SORT]
REST_IN = 20
FIRST = next(trial for trial in ONE_OF_EACH_SORT if trial.name == CHEAP[-1])
GROUPS = [[FIRST], *(THE_REST[start::REST_IN] for start in range(REST_IN))]
GROUPS.insert(ENTRIES_TO_ONE, [trial for trial in ONE_OF_EACH_SORT if trial is not FIRST])
"""All trials, for tests: the first is in the default run, one of each other sort where the catalogue's mark is."""


def tried(meant: str, verdict: Verdict, *refuted: str, failed: str = "") -> Tried:
    trial = Trial(f"backend {meant or 'harmless'}", "of a test", meant, ())
    return Tried(trial, verdict, refuted, (), ("V1", "V10", "V2"), "smoke", 0.1, failed)


def status(results: list[Tried], claim: str, *, complete: bool = True) -> Judgement:
    return next(one for one in judged(results, complete=complete).judgements() if one.claim.id == claim)


RIGHT = [tried("V2", Verdict.NO_GO, "V2", "D1"), tried("", Verdict.GO)]


def test_a_catalogue_that_dies_as_meant_is_go() -> None:
    assert decide(judged(RIGHT, complete=True).judgements()) is Verdict.GO


async def test_a_trial_whose_servers_do_not_start_has_no_answer() -> None:
    async def attempt(_servers: TrialServers) -> Judgements:
        raise UnavailableError("a server was not ready")

    found = await module._try(Trial("backend none", "of a test", "V2", (("smoke", attempt),)), None)  # type: ignore[arg-type]
    assert (found.verdict, found.failed) == (Verdict.INCONCLUSIVE, "a server was not ready")
    assert status([*RIGHT, found], "S1").status is Status.UNKNOWN


def test_a_defect_that_dies_by_another_claim_only_is_a_hole() -> None:
    found = status([*RIGHT, tried("V3", Verdict.NO_GO, "V2", "R1")], "S1")
    assert found.status is Status.REFUTED
    assert found.findings[0].effect == "meant for V3, yet NO-GO, refuted: V2, R1"
    assert found.findings[0].replay == "harness selftest --only 'backend V3'"


def test_a_defect_that_is_not_noticed_is_a_hole() -> None:
    assert status([*RIGHT, tried("V3", Verdict.GO)], "S1").status is Status.REFUTED


def hidden(verdict: Verdict, *unknown: str) -> Tried:
    trial = Trial("deployed hidden", "of a test", "", (), "D1")
    return Tried(trial, verdict, (), unknown, ("D1",), "", 0.1)


def test_hidden_rows_are_a_hole_unless_the_claim_stays_unknown() -> None:
    assert status([*RIGHT, hidden(Verdict.INCONCLUSIVE, "D1")], "S1").status is Status.PROVEN
    for wrong in (hidden(Verdict.GO), hidden(Verdict.INCONCLUSIVE, "M3"), hidden(Verdict.NO_GO, "D1")):
        assert status([*RIGHT, wrong], "S1").status is Status.REFUTED
        assert "hidden from D1" in status([*RIGHT, wrong], "S1").findings[0].effect


@pytest.mark.parametrize("verdict", [Verdict.NO_GO, Verdict.INCONCLUSIVE])
def test_a_variant_that_is_not_go_is_a_false_alarm(verdict: Verdict) -> None:
    results = [*RIGHT, tried("", verdict)]
    assert status(results, "S2").status is Status.REFUTED
    assert status(results, "S1").status is Status.PROVEN


def test_a_trial_left_out_or_not_judged_proves_nothing() -> None:
    results = [*RIGHT, tried("V3", Verdict.INCONCLUSIVE, failed="it took longer than 300 s")]
    assert status(results, "S1").status is Status.UNKNOWN
    assert "300 s" in status(results, "S1").detail
    assert status(RIGHT, "S2", complete=False).status is Status.UNKNOWN


def test_the_matrix_tells_both_rates_with_counts() -> None:
    matrix = matrix_of([*RIGHT, tried("V3", Verdict.NO_GO, "V2"), tried("", Verdict.NO_GO, "V1")])
    assert matrix.claims == ("V1", "V2", "V10")
    assert [trial.right for trial in matrix.trials] == [True, True, False, False]


def test_every_defect_and_every_variant_is_tried_once() -> None:
    all_trials = list(trials())
    names = [one.name for one in all_trials]
    assert len(set(names)) == len(names)
    meant = {one.name: one.meant for one in all_trials}
    for defect in backends.DEFECTS:
        assert meant[f"backend {defect.build.name}"] == defect.claim
    for faulty in migrations.DEFECTS:
        assert meant[f"migration {faulty.name}"] == faulty.claim
    for wrong in plans.DEFECTS:
        assert meant[f"plan {wrong.name}"] == wrong.claim
    harmless = {f"backend {build.name}" for build in (AFTER, *backends.VARIANTS)}
    harmless |= {f"plan {one.name}" for one in plans.VARIANTS}
    harmless |= {f"migration {layout.name}" for layout in migrations.HARMLESS}
    for more in DEPLOYED_MORE:
        assert meant[f"deployed {more.name}"] == more.claim
        if not more.claim and not more.unknown:
            harmless.add(f"deployed {more.name}")
    assert harmless <= {name for name, claim in meant.items() if not claim}


@pytest.mark.catalogue
@pytest.mark.parametrize("group", GROUPS, ids=[f"group {number}" for number in range(len(GROUPS))])
def test_trials_are_right(server: Server, group: list[Trial]) -> None:
    names = tuple(trial.name for trial in group)
    report = selftest(SelftestOptions(server.dsn("postgres"), only=names), lambda _: None)
    matrix = report.sections.selftest
    assert matrix is not None
    assert {trial.name for trial in matrix.trials} >= set(names)
    assert [f"{trial.name}: {trial.verdict}" for trial in matrix.trials if not trial.right] == []
    assert report.verdict is Verdict.INCONCLUSIVE  # since others were not run
    assert json.loads(to_json(report))["claims"][0]["status"] == "unknown"


def test_a_claim_that_does_not_catch_its_defect_is_shown(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrongly_meant() -> list[Trial]:
        found = next(one for one in trials() if one.name == "backend limit-256")
        return [Trial(found.name, found.words, "V1", found.attempts[:1])]

    monkeypatch.setattr(module, "trials", wrongly_meant)
    report = selftest(SelftestOptions(server.dsn("postgres")), lambda _: None)
    assert report.verdict is Verdict.NO_GO
    assert "meant for V1, yet NO-GO, refuted: V2" in report.judgements[0].findings[0].effect


def test_a_trial_that_nobody_knows_is_misuse() -> None:
    with pytest.raises(UsageError, match="no trial's name holds nothing-like-it"):
        selftest(SelftestOptions(only=("nothing-like-it",)), lambda _: None)
