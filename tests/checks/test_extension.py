"""The claims that Node alone judges: which code they prove, which they refute, and what is unknown without Node."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness import plan
from harness.checks.extension import JUDGED_HERE
from harness.clients.extension import ExtensionBuild, plan_header
from harness.clients.extension_code import ExtensionCode, before, patched, planned
from harness.clients.extension_host import extension_host
from harness.clients.extension_runs import provider_calls
from harness.clients.id_client import plans_client
from harness.clients.persistence import MACHINE
from harness.clients.request_spec import plan_spec
from harness.clients.shape import Shape
from harness.probing.probe_factory import plan_caller
from harness.rollout.tables import Operation
from harness.rule import node
from harness.rule.policy import POLICIES, Policy
from harness.run.extension import judge_extension
from harness.verdict import Judgement, Results, Status

REQUIRED = tuple(claim.id for claim in plan.EXTENSION_CLAIMS)
CLAIMS = (*plan.EXTENSION_CLAIMS, *(claim for claim, _, _ in plan.EXTENSION_AUDIT))
EXPECTED = {claim.id: status for claim, status, _ in plan.EXTENSION_AUDIT}


def judged(
    as_planned: ExtensionCode | None = None,
    with_workarounds: ExtensionCode | None = None,
    devices: int = 120,
) -> dict[str, Judgement]:
    results = Results(CLAIMS)
    judge_extension(
        results, devices=devices, seed=0, as_planned=as_planned, with_workarounds=with_workarounds
    )
    return {one.claim.id: one for one in results.judgements() if one.claim.id in JUDGED_HERE}


def with_id(code: ExtensionCode, old: str, new: str) -> ExtensionCode:
    assert code.anonymous_id.count(old) == 1, old
    return replace(code, anonymous_id=code.anonymous_id.replace(old, new))


def with_handler(code: ExtensionCode, old: str, new: str) -> ExtensionCode:
    assert code.handler.count(old) == 1, old
    return replace(code, handler=code.handler.replace(old, new))


def test_claims_are_proven_and_the_audit_is_as_recorded() -> None:
    found = judged(devices=5_000)
    for claim, judgement in found.items():
        assert judgement.status is EXPECTED.get(claim, Status.PROVEN), (claim, judgement.detail)
    assert found["E1"].observed > 5_000


def test_audit_is_changed_by_its_workarounds() -> None:
    found = judged(as_planned=patched())
    assert [found[claim].status for claim in ("E9", "E10", "E11", "E12")] == [Status.PROVEN] * 4


def test_refuted_audit_entries_carry_their_workarounds() -> None:
    found = judged()
    for claim, _, workaround in plan.EXTENSION_AUDIT:
        if claim.id in found:
            assert {finding.workaround for finding in found[claim.id].findings} == {workaround}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("substring(0, 16)", "substring(0, 15)"),
        ("substring(0, 16)", "substring(1, 17)"),
        ("'kilocode-posthog'", "'kilocode_posthog'"),
        (".update(machineId)", ".update(machineId.trim())"),
        (".update(machineId)", ".update(machineId.normalize())"),
        (".update(machineId)", ".update(machineId, 'latin1')"),
        (".update(machineId)", ".update(machineId.slice(0, 64))"),
        ("`vscode-${hash}`", "`vscode-${hash.toUpperCase()}`"),
        ("'sha256'", "'sha512'"),
    ],
)
def test_derivation_is_refuted_when_one_step_of_it_differs(old: str, new: str) -> None:
    found = judged(as_planned=with_id(planned(), old, new))
    assert found["E1"].status is Status.REFUTED
    assert "Node derives" in found["E1"].findings[0].effect


def test_derivation_is_refuted_by_a_rule_that_refuses_the_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(POLICIES, "digits", Policy("digits", (Operation(match="[0-9]{1,255}"),)))
    found = judged()["E1"]
    assert found.status is Status.REFUTED
    assert "a header rule does not accept" in found.findings[0].effect


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if (distinctId) {", "{"),
        ("if (distinctId) {", "if (distinctId !== undefined) {"),
        ("if (distinctId) {", "if (distinctId && organizationId) {"),
        ("if (distinctId) {", "if (distinctId && metadata) {"),
        ("headers[HEADER] = distinctId;", ""),
        ("headers[HEADER] = distinctId;", "headers[HEADER] = distinctId; delete headers['X-KiloCode-Mode'];"),
        ("headers[HEADER] = distinctId;", "return { headers: { [HEADER]: distinctId } };"),
        ("headers[HEADER] = distinctId;", "headers[HEADER] = encodeURIComponent(distinctId + ' ');"),
        ("if (metadata?.projectId)", "if (metadata.projectId)"),
    ],
)
def test_provider_is_refuted_when_it_builds_headers_differently(old: str, new: str) -> None:
    assert judged(as_planned=with_handler(planned(), old, new))["E5"].status is not Status.PROVEN


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" || SHARED_MACHINE_IDS.has(machineId)", ""),
        ("!isTelemetryEnabled || ", ""),
        ("new Set(['', 'someValue.machineId'])", "new Set([''])"),
    ],
)
def test_own_ids_are_refuted_without_one_workaround(old: str, new: str) -> None:
    found = judged(with_workarounds=with_id(patched(), old, new))
    assert found["E7"].status is Status.REFUTED


def test_shared_devices_are_told_with_how_many_share_them() -> None:
    shared = judged()["E11"]
    assert [finding.effect for finding in shared.findings] == [
        "all 25 of these send vscode-255469480753dc78",
        "all 25 of these send vscode-d63f6f95dd8733f0",
    ]
    assert "10,000,000 3e-06" in shared.detail


def test_claims_are_unknown_where_node_cannot_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node, "node_path", lambda: tmp_path / "no-such-node")
    found = judged()
    assert {one.status for one in found.values()} == {Status.UNKNOWN}
    assert all("Node cannot start" in one.detail for one in found.values())


def test_claims_are_not_proven_where_the_code_cannot_run() -> None:
    found = judged(as_planned=replace(planned(), anonymous_id="nonsense("))
    assert found["E1"].status is Status.UNKNOWN
    assert "SyntaxError" in found["E1"].detail


def test_provider_calls_cover_every_combination_once() -> None:
    calls = [repr(call) for call in provider_calls(plans_client())]
    assert len(set(calls)) == len(calls) == 2 * 4 * (8 + 1)


@pytest.mark.parametrize(
    ("code", "build"), [(before, ExtensionBuild.BEFORE), (planned, ExtensionBuild.AFTER)]
)
def test_python_sends_the_headers_that_the_provider_builds(
    code: Callable[[], ExtensionCode], build: ExtensionBuild
) -> None:
    factors = plan_spec().factors
    organization, task = (factors[f"x-kilocode-{name}"][1] for name in ("organizationid", "taskid"))
    shape = Shape.of(
        {
            "x-kilocode-mode": "architect",
            "x-kilocode-taskid": task,
            "x-kilocode-organizationid": organization,
        }
    )
    header = plan_header(plans_client().derived_id(MACHINE)) if build is ExtensionBuild.AFTER else ()
    sent = plan_caller().probe(header, shape, address="::1").request.headers
    named = {name.decode(): value.decode() for name, value in sent}
    call = {
        "options": {
            "kilocodeOrganizationId": organization,
            "posthogDistinctId": plans_client().derived_id(MACHINE),
        },
        "metadata": {"mode": "architect", "taskId": named["x-kilocode-taskid"]},
    }
    with extension_host() as host:
        [built] = host.headers(code(), [call])
    assert built is not None
    added_elsewhere = {"content-type", "user-agent", "x-forwarded-for", "authorization"}
    built_by_name = {name.lower(): value for name, value in dict(built).items()}
    assert {name: value for name, value in named.items() if name not in added_elsewhere} == built_by_name


def test_audit_shares_no_id_with_the_required_claims() -> None:
    assert len(set(REQUIRED) | set(EXPECTED)) == len(REQUIRED) + len(EXPECTED)
    assert all(status is Status.REFUTED for status in EXPECTED.values())
