"""Unknown never counts as good, and what refutes is never outweighed."""

import pytest

from harness.verdict import FINDINGS_KEPT, Claim, Docket, Finding, Status, Verdict, decide

ONE = Claim("T1", "It holds.", "holds", "nowhere", least=2)
TWO = Claim("T2", "It holds too.", "holds", "nowhere")


def test_docket_leaves_a_claim_unknown_below_its_least_observations() -> None:
    docket = Docket((ONE,))
    docket.saw("T1")
    (judgement,) = docket.judgements()
    assert judgement.status is Status.UNKNOWN
    assert judgement.detail == "saw 1 matched observations, needs 2"
    docket.saw("T1")
    assert docket.judgements()[0].status is Status.PROVEN


def test_docket_leaves_a_claim_unknown_that_something_kept_from_being_judged() -> None:
    docket = Docket((TWO,))
    docket.saw("T2", 1000)
    docket.lack("T2", "Node did not start")
    assert docket.judgements()[0].status is Status.UNKNOWN
    assert "Node did not start" in docket.judgements()[0].detail


def test_docket_refutes_on_one_finding_among_many_and_keeps_the_first_few() -> None:
    docket = Docket((TWO,))
    docket.saw("T2", 10**6)
    docket.lack("T2", "cut short")
    for number in range(FINDINGS_KEPT + 3):
        docket.refute(Finding("T2", "always", str(number)))
    (judgement,) = docket.judgements()
    assert judgement.status is Status.REFUTED
    assert judgement.refuting == FINDINGS_KEPT + 3
    assert [finding.effect for finding in judgement.findings] == [str(n) for n in range(FINDINGS_KEPT)]


def test_equal_findings_are_folded_into_the_lightest_with_their_count() -> None:
    docket = Docket((TWO,))
    for weight in (5, 3, 9, 3):
        docket.refute(Finding("T2", f"weight {weight}", "stored NULL", weight=weight))
    docket.refute(Finding("T2", "once", "stored more", weight=1))
    for number in (8, 7):
        docket.refute(Finding("T2", "other", f"stored {number}", weight=number), alike="stored a number")
    (judgement,) = docket.judgements()
    found = [(finding.effect, finding.condition, finding.times) for finding in judgement.findings]
    assert found == [("stored more", "once", 1), ("stored NULL", "weight 3", 4), ("stored 7", "other", 2)]
    assert judgement.refuting == 7


def test_of_many_different_findings_the_lightest_are_kept() -> None:
    docket = Docket((TWO,))
    for weight in (9, 2, 8, 2, 7, 6, 1):
        docket.refute(Finding("T2", "", f"effect {weight}", weight=weight))
    (judgement,) = docket.judgements()
    assert [finding.weight for finding in judgement.findings] == [1, 2, 6, 7, 8]


def test_docket_refuses_an_unknown_claim() -> None:
    with pytest.raises(KeyError, match="T9"):
        Docket((ONE,)).saw("T9")


def test_verdict_is_no_go_on_one_refutation_whatever_else_is_proven_or_waived() -> None:
    docket = Docket((ONE, TWO))
    docket.saw("T1", 5)
    docket.refute(Finding("T2", "once", "it did not"))
    docket.waive("T2", "we know")
    assert decide(docket.judgements()) is Verdict.NO_GO


def test_verdict_is_inconclusive_on_nothing_or_on_one_unknown_unless_waived() -> None:
    docket = Docket((ONE, TWO))
    docket.saw("T1", 5)
    assert decide(()) is Verdict.INCONCLUSIVE
    assert decide(docket.judgements()) is Verdict.INCONCLUSIVE
    docket.waive("T2", "no account to test with")
    assert decide(docket.judgements()) is Verdict.GO
    assert docket.judgements()[1].waived == "no account to test with"


def test_verdict_is_not_earned_where_all_is_waived() -> None:
    docket = Docket((ONE, TWO))
    docket.waive("T1", "so")
    docket.waive("T2", "so")
    assert decide(docket.judgements()) is Verdict.INCONCLUSIVE


def test_verdict_exit_codes_are_those_of_the_release_job() -> None:
    assert [verdict.exit_code for verdict in (Verdict.GO, Verdict.NO_GO, Verdict.INCONCLUSIVE)] == [0, 1, 3]
