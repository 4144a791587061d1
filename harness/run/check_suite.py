"""The requests by which `harness check` judges a handler that it runs: the rule's short suite, beside whatever else.

Each comes streaming and not; those of a group go one after the other, all others several at once. Sends nothing.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from harness.clients.request_spec import RequestSpec
from harness.clients.shape import PLAIN, Connection
from harness.probing import covering
from harness.probing.covering import PAIR
from harness.probing.probe_factory import Caller, ProbeFactory
from harness.probing.values import longest_valid
from harness.rollout import Rollout
from harness.rule.cases import HeaderCase, fixed_cases
from harness.rule.policy import policy_of
from harness.rule.suite import Level, suite
from harness.run.gate_suite import array, first, preflight
from harness.run.gate_values import Values
from harness.sut.observation import Probe

RUN: Final = 0
"""Addresses and values of a run are always the same: each has a database of its own."""
AT_ONCE: Final = 16
MADE_UP: Final = {
    "token": "token-of-somebody",
    "email": "somebody@example.com",
    "user_id": "11111111-2222-4333-8444-555555555555",
}
"""Parameters of a rollout that nobody gives here, by their usual names; any other one is called by its name."""


def caller_of(rollout: Rollout) -> Caller:
    """Who sends requests to a handler that is run here."""
    parameters = {
        name: parameter.reference or parameter.default or MADE_UP.get(name, f"some-{name}")
        for name, parameter in rollout.tables.parameter.items()
    }
    return Caller(RequestSpec(rollout), policy_of(rollout), parameters=parameters)


def batches(caller: Caller) -> Iterator[list[Probe]]:
    """Requests to send at once, in their order; those of a sequence are batches of one."""
    factory, values = ProbeFactory(caller, RUN), Values(caller)
    for group in preflight(factory):
        yield list(group.probes)
    wanted = covering.shapes(PAIR, factors=caller.factors)  # a stand-in knows members of every organization
    shapes = [shape for shape in wanted if shape.connection is Connection.KEPT]
    for group in (*first(factory, values), *array(factory, values, shapes, PAIR)):
        if group.together:
            yield from ([probe] for probe in group.probes)
        else:
            yield list(group.probes)
    streams = dict.fromkeys((PLAIN, caller.streams))
    probes = (factory.probe(case, shape) for case in _cases(factory, values) for shape in streams)
    while batch := list(islice(probes, AT_ONCE)):
        yield [*batch, factory.control()]


def _cases(factory: ProbeFactory, values: Values) -> Iterator[HeaderCase]:
    """The rule's suite at smoke, what is known to be tricky, and ids of the real world."""
    caller = factory.caller
    yield from map(caller.case, suite(caller.policy, Level.SMOKE))
    yield from values.every_valid
    yield from values.every_hard
    own = (factory.own_value(), factory.own_value())
    for case in fixed_cases(caller.spec.header_name, *own, longest_valid(caller.policy)):
        if not case.refused_by_http:
            yield case
