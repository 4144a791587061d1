"""Checks as they are registered: pure functions over one piece of evidence, each with the claims that it judges. Pure.

A check over a type is called once for each piece of evidence of that type, one without a type by its name, with
evidence of its own parameters; it yields what came of it. It does no I/O and holds no results: `run_checks` and
`run_check` put what is yielded into them, so that a check is tested by calling it.

    @check(Claim("X1", "A reply comes within the limit.", "", ""), over=CheckedExchange)
    def replies_in_time(exchange):
        yield "X1", None if exchange.seconds < 1 else Finding("X1", "...", "took too long")
"""

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar, overload

from harness.verdict import Claim, Finding, Method, Results


class Observed(NamedTuple):
    """Observations matched for a claim, good or bad."""

    claim: str
    times: int = 1


class Detail(NamedTuple):
    """A phrase of a claim's evidence."""

    claim: str
    words: str


class Inconclusive(NamedTuple):
    """Why a claim cannot be judged."""

    claim: str
    reason: str


CheckOutcome = tuple[str, Finding | None] | Observed | Detail | Inconclusive | Finding
Outcomes = Iterable[CheckOutcome]
"""What a check yields: a claim with its finding, or None where it was met, is one observation. A finding alone is a
further one on observations that `Observed` counts."""

Evidence = TypeVar("Evidence")
CheckFunction = Callable[[Evidence], Outcomes]
Named = TypeVar("Named", bound=Callable[..., Outcomes])
Given = ParamSpec("Given")


@dataclass(frozen=True, slots=True)
class Check:
    """A registered function."""

    function: CheckFunction[Any]
    claims: tuple[str, ...]
    """Ids of what it judges; it may yield nothing else."""
    method: Method | None
    """How it judges them; None where whoever collects the evidence says so."""
    brought: tuple[Claim, ...]
    """Claims that are known by their check alone."""


_BY_TYPE: Final[defaultdict[type, list[Check]]] = defaultdict(list)
_BY_FUNCTION: Final[dict[Callable[..., Outcomes], Check]] = {}
"""Those that are called by their names."""


@overload
def check(*claims: str, evidence: Method | None = None) -> Callable[[Named], Named]: ...


@overload
def check(
    *claims: str | Claim, over: type[Evidence], evidence: Method | None = None
) -> Callable[[CheckFunction[Evidence]], CheckFunction[Evidence]]: ...


def check(
    *claims: str | Claim, over: type[Any] | None = None, evidence: Method | None = None
) -> Callable[[Callable[..., Outcomes]], Callable[..., Outcomes]]:
    """Registers a function as the check of these claims, over pieces of evidence of exactly this type, if one is given.

    A claim is named by its id, or given whole where no list of the plan has it: it is then asked for wherever
    evidence of the type is collected. Raises ValueError without a claim, and where another check brought its id.
    """
    ids = tuple(claim if isinstance(claim, str) else claim.id for claim in claims)
    brought = tuple(claim for claim in claims if isinstance(claim, Claim))
    if not ids:
        raise ValueError("a check names at least one claim: @check('V1', over=...)")
    known = {claim.id for checks in _BY_TYPE.values() for each in checks for claim in each.brought}
    for claim in brought:
        if claim.id in known:
            raise ValueError(
                f"claim {claim.id!r} was brought by another check; give this one an id of its own"
            )

    def register(function: Callable[..., Outcomes]) -> Callable[..., Outcomes]:
        registered = Check(function, ids, evidence, brought)
        if over is None:
            _BY_FUNCTION[function] = registered
        else:
            _BY_TYPE[over].append(registered)
        return function

    return register


def checks_over(kind: type) -> tuple[Check, ...]:
    """The checks that are called for evidence of a type, in the order of their registration."""
    return tuple(_BY_TYPE.get(kind, ()))


def brought_claims(*kinds: type) -> tuple[Claim, ...]:
    """The claims that checks over these types brought along; those of every type where none is named."""
    return tuple(
        claim for kind in kinds or tuple(_BY_TYPE) for each in checks_over(kind) for claim in each.brought
    )


def run_checks(results: Results, pieces: Iterable[object]) -> None:
    """Calls each check over the type of each piece, and puts what is yielded into the results.

    Claims that the results do not hold are passed over. Raises ValueError where a check yields a claim that it did
    not name, and LookupError where no check is over a piece's type.
    """
    asked: dict[type, list[Check]] = {}
    for piece in pieces:
        checks = asked.get(type(piece))
        if checks is None:
            over = _checks_of(type(piece))
            checks = [each for each in over if any(claim in results for claim in each.claims)]
            asked[type(piece)] = checks
        for each in checks:
            add_outcomes(results, each, each.function(piece))


def _checks_of(kind: type) -> list[Check]:
    if kind not in _BY_TYPE:
        _import_all()
    checks = _BY_TYPE.get(kind)
    if not checks:
        raise LookupError(f"no check is over {kind.__name__}; register one with @check(..., over=...)")
    return checks


def run_check(
    results: Results, function: Callable[Given, Outcomes], *evidence: Given.args, **named: Given.kwargs
) -> None:
    """Calls one check, and puts what it yields into the results, unless they hold none of its claims."""
    called = _BY_FUNCTION[function]
    if any(claim in results for claim in called.claims):
        add_outcomes(results, called, function(*evidence, **named))


@cache
def _import_all() -> None:
    """Imports every module of this package, and with it registers every check; 0.15 s, so only where one is missing.

    Whoever collects evidence need not know in which module its check is.
    """
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"{__package__}.{module.name}")


def add_outcomes(results: Results, of: Check, outcomes: Outcomes) -> None:
    """Puts what a check has yielded into the results. Raises ValueError for a claim that it did not name."""
    if of.method is not None:
        for claim in of.claims:
            if claim in results:
                results.method(claim, of.method)
    for outcome in outcomes:
        claim = outcome.claim if isinstance(outcome, Finding) else outcome[0]
        if claim not in of.claims:
            raise ValueError(
                f"{of.function.__qualname__} is a check of {', '.join(of.claims)}, not of {claim}"
            )
        if claim not in results:
            continue
        if isinstance(outcome, Observed):  # nearly all
            results.observed(claim, outcome.times)
        elif isinstance(outcome, Finding):
            results.refute(outcome)
        elif isinstance(outcome, Detail):
            results.detail(claim, outcome.words)
        elif isinstance(outcome, Inconclusive):
            results.inconclusive(claim, outcome.reason)
        else:
            results.observed(claim)
            if outcome[1] is not None:
                results.refute(outcome[1])
