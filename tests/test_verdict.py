"""Unknown never counts as good, and what refutes is never outweighed."""

import pytest

from harness.verdict import FINDINGS_KEPT, Claim, Finding, Results, Status, Verdict, decide

ONE = Claim("T1", "It holds.", "holds", "nowhere", least=2)
TWO = Claim("T2", "It holds too.", "holds", "nowhere")


def test_results_are_unknown_below_the_least_observations() -> None:
    results = Results((ONE,))
    results.observed("T1")
    (judgement,) = results.judgements()
    assert judgement.status is Status.UNKNOWN
    assert judgement.detail == "saw 1 matched observations, needs 2"
    results.observed("T1")
    assert results.judgements()[0].status is Status.PROVEN


def test_results_are_unknown_where_something_kept_from_judging() -> None:
    results = Results((TWO,))
    results.observed("T2", 1000)
    results.inconclusive("T2", "Node did not start")
    assert results.judgements()[0].status is Status.UNKNOWN
    assert "Node did not start" in results.judgements()[0].detail


def test_results_refute_on_one_finding_and_keep_the_first_few() -> None:
    results = Results((TWO,))
    results.observed("T2", 10**6)
    results.inconclusive("T2", "cut short")
    for number in range(FINDINGS_KEPT + 3):
        results.refute(Finding("T2", "always", str(number)))
    (judgement,) = results.judgements()
    assert judgement.status is Status.REFUTED
    assert judgement.refuting == FINDINGS_KEPT + 3
    assert [finding.effect for finding in judgement.findings] == [str(n) for n in range(FINDINGS_KEPT)]


def test_equal_findings_are_folded_into_the_lightest() -> None:
    results = Results((TWO,))
    for weight in (5, 3, 9, 3):
        results.refute(Finding("T2", f"weight {weight}", "stored NULL", weight=weight))
    results.refute(Finding("T2", "once", "stored more", weight=1))
    for number in (8, 7):
        results.refute(Finding("T2", "other", f"stored {number}", weight=number), alike="stored a number")
    (judgement,) = results.judgements()
    found = [(finding.effect, finding.condition, finding.times) for finding in judgement.findings]
    assert found == [("stored more", "once", 1), ("stored NULL", "weight 3", 4), ("stored 7", "other", 2)]
    assert judgement.refuting == 7


def test_of_many_different_findings_the_lightest_are_kept() -> None:
    results = Results((TWO,))
    for weight in (9, 2, 8, 2, 7, 6, 1):
        results.refute(Finding("T2", "", f"effect {weight}", weight=weight))
    (judgement,) = results.judgements()
    assert [finding.weight for finding in judgement.findings] == [1, 2, 6, 7, 8]


def test_results_refuses_an_unknown_claim() -> None:
    with pytest.raises(KeyError, match="T9"):
        Results((ONE,)).observed("T9")


def test_verdict_is_no_go_on_one_refutation_whatever_else() -> None:
    results = Results((ONE, TWO))
    results.observed("T1", 5)
    results.refute(Finding("T2", "once", "it did not"))
    results.waive("T2", "we know")
    assert decide(results.judgements()) is Verdict.NO_GO


def test_verdict_is_inconclusive_on_an_unknown_unless_waived() -> None:
    results = Results((ONE, TWO))
    results.observed("T1", 5)
    assert decide(()) is Verdict.INCONCLUSIVE
    assert decide(results.judgements()) is Verdict.INCONCLUSIVE
    results.waive("T2", "no account to test with")
    assert decide(results.judgements()) is Verdict.GO
    assert results.judgements()[1].waived == "no account to test with"


def test_verdict_is_not_earned_where_all_is_waived() -> None:
    results = Results((ONE, TWO))
    results.waive("T1", "so")
    results.waive("T2", "so")
    assert decide(results.judgements()) is Verdict.INCONCLUSIVE


def test_verdict_exit_codes_are_those_of_the_release_job() -> None:
    assert [verdict.exit_code for verdict in (Verdict.GO, Verdict.NO_GO, Verdict.INCONCLUSIVE)] == [0, 1, 3]
