"""Which faults of the catalogue a request would have shown, and rounds ordered by that."""

import pytest

from harness.clients.extension import Auth
from harness.clients.shape import PLAIN
from harness.probing import covering
from harness.probing.probe_factory import ProbeFactory, SignedIn, plan_caller
from harness.rule.cases import Kind
from harness.rule.policy import STRICT
from harness.run.fault_coverage import FaultCoverage
from harness.run.gate_suite import array, first, last, preflight
from harness.run.gate_values import Values
from harness.sut.observation import ProbeGroup


@pytest.fixture
def factory() -> ProbeFactory:
    return ProbeFactory(
        plan_caller("vendor/model:free", STRICT, "after", SignedIn("me", "me@example.com", "token")), 1
    )


@pytest.fixture
def coverage(factory: ProbeFactory) -> FaultCoverage:
    return FaultCoverage(STRICT, factory.caller.parameters["model"])


def long(factory: ProbeFactory, length: int) -> ProbeGroup:
    return ProbeGroup((factory.probe(factory.caller.case(b"a" * length, Kind.LIMIT)),))


def test_256_characters_tell_a_longer_limit_and_255_do_not(
    factory: ProbeFactory, coverage: FaultCoverage
) -> None:
    coverage.sent([long(factory, 255)])
    assert "limit-256" in coverage.unshown
    assert "limit-254" not in coverage.unshown
    coverage.sent([long(factory, 256)])
    assert "limit-256" not in coverage.unshown


def test_a_control_alone_tells_nothing_of_what_is_stored(
    factory: ProbeFactory, coverage: FaultCoverage
) -> None:
    coverage.sent([ProbeGroup((factory.control(),))])
    assert {"limit-256", "lower-cases", "echoes"} <= set(coverage.unshown)


def test_memory_is_told_by_a_sequence_not_its_last_request(
    factory: ProbeFactory, coverage: FaultCoverage
) -> None:
    shared = factory.address()
    sets = factory.probe(factory.caller.case(factory.own_value()), address=shared)
    follows = factory.control(address=shared, follows=True)
    coverage.sent([ProbeGroup((follows,), together=True)])
    assert "remembers" in coverage.unshown
    coverage.sent([ProbeGroup((sets, follows), together=True)])
    assert "remembers" not in coverage.unshown


def test_a_signed_in_request_is_one_to_the_catalogue_too(
    factory: ProbeFactory, coverage: FaultCoverage
) -> None:
    shape = PLAIN._replace(auth=Auth.SIGNED_IN)
    coverage.sent([ProbeGroup((factory.probe(factory.caller.case(factory.own_value()), shape),))])
    assert "header-for-email" not in coverage.unshown


def test_rounds_that_show_more_come_first_and_none_is_lost(
    factory: ProbeFactory, coverage: FaultCoverage
) -> None:
    nothing, much = ProbeGroup((factory.control(),)), long(factory, 256)
    assert list(coverage.ordered([nothing, much])) == [much, nothing]


def test_the_head_of_the_order_shows_nearly_as_much_as_the_whole(
    factory: ProbeFactory, coverage: FaultCoverage
) -> None:
    values = Values(factory.caller)
    coverage.sent([*preflight(factory), *first(factory, values)])
    shapes = covering.shapes(2, factors=factory.caller.factors)
    probe_groups = list(coverage.ordered(array(factory, values, shapes, 2)))
    half = len(probe_groups) // 2
    coverage.sent(probe_groups[:half])
    at_half = len(coverage.unshown)
    coverage.sent([*probe_groups[half:], *last(factory, values)])
    assert at_half - len(coverage.unshown) <= 12
    assert len(coverage.unshown) <= 3


def test_the_words_count_and_name_what_is_left(coverage: FaultCoverage, factory: ProbeFactory) -> None:
    coverage.sent([long(factory, 256)])
    told = coverage.faults - len(coverage.unshown)
    assert coverage.describe().startswith(
        f"a request that shows it was sent for {told} of the catalogue's {coverage.faults} faults"
    )
    assert "none for" in coverage.describe()
    assert "more" in coverage.describe()


def test_the_catalogue_is_asked_with_its_own_model() -> None:
    factory = ProbeFactory(plan_caller("house/small-0", STRICT, "after"), 1)
    own = FaultCoverage(STRICT, factory.caller.parameters["model"])
    wrong = FaultCoverage(STRICT, "some other model")
    for each in (own, wrong):
        each.sent([long(factory, 256)])
    assert len(own.unshown) < len(wrong.unshown)
