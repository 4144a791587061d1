"""Requests are built in one place: the same bytes whoever asks, and what their rows are looked for by."""

import ast
import json
from pathlib import Path

import pytest

import harness
from harness.clients.extension import Auth, plan_header
from harness.clients.request_spec import plan_spec
from harness.clients.shape import PLAIN
from harness.errors import UsageError
from harness.probing.probe_factory import ProbeFactory, SignedIn, plan_caller, received_probe
from harness.rule.cases import NAME, HeaderCase, Kind
from harness.sut.observation import Probe

USER = SignedIn("user-1", "user-1@example.com", "geheim")


def makers_of(name: str) -> set[str]:
    """Modules of the product that call a class of this name."""
    root = Path(harness.__file__).parent
    texts = {file: file.read_text(encoding="utf-8") for file in root.rglob("*.py")}
    return {
        str(file.relative_to(root))
        for file, text in texts.items()
        if f"{name}(" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    }


def test_probes_are_built_in_one_module() -> None:
    assert makers_of(Probe.__name__) == {"probing/probe_factory.py"}


def test_requests_of_suite_and_gate_are_alike_but_for_their_mark() -> None:
    header = plan_header("abc")
    alike = plan_caller("m:free").probe(header, address="2001:db8:0:1::2")
    marked = ProbeFactory(plan_caller("m:free"), run=1, mark="mark/1").probe(HeaderCase(header, Kind.VALID))
    [agent] = [value for name, value in marked.request.headers if name == b"user-agent"]
    assert agent.endswith(b" mark/1")
    assert [
        line for line in marked.request.headers if line[0] not in (b"user-agent", b"x-forwarded-for")
    ] == [line for line in alike.request.headers if line[0] not in (b"user-agent", b"x-forwarded-for")]
    assert marked.request.body == alike.request.body


def test_what_the_stub_is_asked_to_do_goes_into_the_body_alone() -> None:
    plain, asked = (plan_caller().probe((), address="::1", stub=stub) for stub in (None, {"hold": "gate"}))
    assert asked.request.headers == plain.request.headers
    assert json.loads(asked.request.body) == {**json.loads(plain.request.body), "stub": {"hold": "gate"}}


def test_credential_like_another_is_no_caller_of_its_own() -> None:
    caller = plan_caller(signed_in=USER)
    stale, junk = ("auth", "stale token"), ("auth", "junk token")
    assert "stale token" in caller.factors["auth"]
    assert "member" not in caller.factors["auth"]  # of which organisation is not known
    assert caller.auths == (None, "junk token", "signed in")
    assert {cell.auth for cell in caller.cells} == set(caller.auths)
    other = ("body", "bodies/other_model.json")
    assert frozenset({stale, other}) in caller.with_alike([frozenset({junk, other})])
    assert caller.with_alike([frozenset({other})]) == [frozenset({other})]


def test_rows_are_looked_for_under_the_user_who_is_signed_in() -> None:
    shape = PLAIN._replace(auth=Auth.SIGNED_IN)
    signed = plan_caller(signed_in=USER).probe((), shape, address="::1")
    assert (signed.user, signed.email, signed.alone) == (USER.user_id, USER.email, False)
    with pytest.raises(UsageError, match="no token is known"):
        plan_caller().probe((), shape, address="::1")


def test_only_a_request_alone_at_its_address_is_told_by_it() -> None:
    case = HeaderCase(((NAME, b"abc"),), Kind.VALID)
    assert [probe.alone for probe in plan_caller().sequence((case,), address="::1")] == [True]
    assert [probe.alone for probe in plan_caller().sequence((case, case), address="::1")] == [False, False]


def test_a_request_that_came_in_is_a_probe_of_what_it_bore() -> None:
    came = received_probe(
        plan_spec(), [b"a", b"b"], path="/a", user="user-1", email="e@example.com", stream=True
    )
    assert (came.lines, came.auth, came.stream, came.alone) == ((b"a", b"b"), Auth.SIGNED_IN, True, False)
