"""Every scenario of the stored id, as the plan's code and the patched code behave; and the claims over them."""

from dataclasses import replace

import pytest

from harness import plan
from harness.checks.persistence import judge_persistence
from harness.clients.exchange import Outcome
from harness.clients.extension import plan_header
from harness.clients.extension_code import ExtensionCode, WindowOutcome, patched, planned
from harness.clients.extension_host import ExtensionHost
from harness.clients.extension_runs import run_scenario, run_scenarios
from harness.clients.http import send
from harness.clients.id_client import plans_client
from harness.clients.persistence import FAULTS, FOUND, KEEPING, MACHINE, OLD_ID, OTHER_MACHINE, SCENARIOS
from harness.probing.probe_factory import plan_caller
from harness.verdict import Results, Status
from tests.fix_stack import StartReplica

CLAIMS = (*plan.EXTENSION_CLAIMS, *(claim for claim, _, _ in plan.EXTENSION_AUDIT))
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
ID = plans_client().derived_id(MACHINE)

KEEPS = {
    "three restarts": [[ID], [ID], [ID], [ID]],
    "two windows opened at once, then a restart": [[ID, ID], [ID]],
    "a valid id stored, the machineId changed since": [[OLD_ID], [OLD_ID]],
    "the machineId changes between two starts": [[ID], [ID]],
    "the write is lost, then a restart": [[ID], [ID]],
    "a crash before the write, then a restart": [[WindowOutcome.CRASHED], [ID]],
    "one of two windows crashes, then a restart": [[ID, WindowOutcome.CRASHED], [ID]],
}
PATCHED = {
    "the update rejects, then a restart": [[ID], [ID]],
    "the update rejects on every start": [[ID], [ID], [ID]],
    "the update hangs, then a restart": [[ID], [ID]],
    "the update hangs in one of two windows": [[ID, ID]],
}
PLANNED = {
    "the update rejects, then a restart": [[WindowOutcome.REJECTED], [ID]],
    "the update rejects on every start": [[WindowOutcome.REJECTED]] * 3,
    "the update hangs, then a restart": [[WindowOutcome.WAITING], [ID]],
    "the update hangs in one of two windows": [[ID, WindowOutcome.WAITING]],
}
PLANNED_FOUND = {
    "a line break": WindowOutcome.UNSENDABLE,
    "a character beyond latin-1": WindowOutcome.UNSENDABLE,
    "20,000 characters": "a" * 20_000,
    "256 characters": "a" * 256,
    "an object": "[object Object]",
    "the number 42": "42",
    "true": "true",
    "an empty array": "",
    "a blank": "a b",
    "a joined duplicate": f"{OLD_ID}, {OLD_ID}",
    "a letter beyond ASCII": "forme\u00e9",
    "a NUL": WindowOutcome.UNSENDABLE,
    "a control character": WindowOutcome.UNSENDABLE,
    "an empty string": ID,
    "null": ID,
    "the number 0": ID,
    "false": ID,
}


def came_of(host: ExtensionHost, code: ExtensionCode, name: str) -> list[list[str | None]]:
    """Window by window: the header that went out, or how the window ended instead."""
    run = run_scenario(host, code, BY_NAME[name])
    return [
        [one.header if one.outcome is WindowOutcome.SENT else one.outcome for one in windows]
        for windows in run.restarts
    ]


def edited(code: ExtensionCode, old: str, new: str) -> ExtensionCode:
    assert code.anonymous_id.count(old) == 1, old
    return replace(code, name="edited", anonymous_id=code.anonymous_id.replace(old, new))


def statuses(
    host: ExtensionHost, as_planned: ExtensionCode, with_workarounds: ExtensionCode
) -> dict[str, Status]:
    results = Results(CLAIMS)
    judge_persistence(results, run_scenarios(host, as_planned), run_scenarios(host, with_workarounds))
    judged = ("E2", "E3", "E4", "E9", "E10")
    return {one.claim.id: one.status for one in results.judgements() if one.claim.id in judged}


def test_scenarios_are_all_expected_here() -> None:
    assert {one.name for one in KEEPING} == set(KEEPS)
    assert {one.name for one in FAULTS} == set(PATCHED) == set(PLANNED)
    assert {one.name.removeprefix("the storage holds ") for one in FOUND} == set(PLANNED_FOUND)


@pytest.mark.parametrize("code", [planned(), patched()], ids=lambda code: code.name)
@pytest.mark.parametrize("name", KEEPS)
def test_installation_keeps_its_id_through(host: ExtensionHost, code: ExtensionCode, name: str) -> None:
    assert came_of(host, code, name) == KEEPS[name]


@pytest.mark.parametrize("name", PLANNED)
def test_planned_code_sends_no_request_when(host: ExtensionHost, name: str) -> None:
    assert came_of(host, planned(), name) == PLANNED[name]


@pytest.mark.parametrize("name", PATCHED)
def test_patched_code_sends_its_id_although(host: ExtensionHost, name: str) -> None:
    assert came_of(host, patched(), name) == PATCHED[name]


@pytest.mark.parametrize("name", PLANNED_FOUND)
def test_planned_code_sends_what_the_storage_holds(host: ExtensionHost, name: str) -> None:
    assert came_of(host, planned(), f"the storage holds {name}") == [[PLANNED_FOUND[name]]] * 2


@pytest.mark.parametrize("name", PLANNED_FOUND)
def test_patched_code_replaces_what_the_storage_holds(host: ExtensionHost, name: str) -> None:
    run = run_scenario(host, patched(), BY_NAME[f"the storage holds {name}"])
    assert [[one.header for one in windows] for windows in run.restarts] == [[ID], [ID]]
    assert run.stored == ID


@pytest.mark.parametrize("code", [planned(), patched()], ids=lambda code: code.name)
def test_id_is_derived_once_and_stored_before_the_request(host: ExtensionHost, code: ExtensionCode) -> None:
    first, *later = (
        windows[0].notes for windows in run_scenario(host, code, BY_NAME["three restarts"]).restarts
    )
    assert first == ("get", "derive", "update", "stored", "request")
    assert later == [("get", "request")] * 3


def test_patched_code_waits_one_second_for_a_hanging_storage(host: ExtensionHost) -> None:
    run = run_scenario(host, patched(), BY_NAME["the update hangs, then a restart"])
    assert [windows[0].waited_ms for windows in run.restarts] == [1000, 5]


def test_lost_write_with_a_changed_machine_id_gives_a_new_id(host: ExtensionHost) -> None:
    lost, changed = (
        BY_NAME["the write is lost, then a restart"],
        BY_NAME["the machineId changes between two starts"],
    )
    both = replace(lost, restarts=(lost.restarts[0], changed.restarts[1]))
    assert [windows[0].header for windows in run_scenario(host, planned(), both).restarts] == [
        ID,
        plans_client().derived_id(OTHER_MACHINE),
    ]


def test_patched_code_is_proven_and_planned_code_refuted(host: ExtensionHost) -> None:
    assert statuses(host, planned(), patched()) == {
        "E2": Status.PROVEN,
        "E3": Status.PROVEN,
        "E4": Status.PROVEN,
        "E9": Status.REFUTED,
        "E10": Status.REFUTED,
    }


def test_findings_say_what_the_storage_held_and_what_came_of_it(host: ExtensionHost) -> None:
    results = Results(CLAIMS)
    judge_persistence(results, run_scenarios(host, planned()), run_scenarios(host, patched()))
    found = {one.claim.id: one for one in results.judgements()}
    effects = {finding.condition.rpartition(": ")[2]: finding.effect for finding in found["E10"].findings}
    assert "Node refuses the header's value" in effects["the storage holds a line break"]
    assert effects["the storage holds 20,000 characters"] == (
        "the request is refused with 431: a value of 20000 characters"
    )
    assert "\n" not in "".join(effects.values()), "what was stored is shown with escapes"
    assert found["E10"].refuting == len(FOUND) - 4
    assert found["E9"].refuting == len(FAULTS)


async def test_header_of_20000_characters_is_refused_before_the_app(
    ready_dsn: str, start: StartReplica
) -> None:
    replica = await start(ready_dsn, build="after")
    sent = [
        plan_caller().probe(plan_header("a" * length), address=address).request
        for address, length in (("192.0.2.1", 20_000), ("192.0.2.2", 256))
    ]
    refused, served = [await send(("127.0.0.1", replica.port), request) for request in sent]
    assert refused.outcome is Outcome.REFUSED  # by 431, or by a reset that overtakes it while we still write
    assert refused.status in (431, 0)
    assert (served.outcome, served.status) == (Outcome.REPLY, 200)


def test_audit_changes_when_the_planned_code_is_patched(host: ExtensionHost) -> None:
    assert set(statuses(host, patched(), patched()).values()) == {Status.PROVEN}


@pytest.mark.parametrize(
    ("old", "new", "refuted"),
    [
        ("if (!anonymousId) {", "if (true) {", {"E2"}),  # stored again on every start
        (
            "if (!anonymousId) {",
            "crypto.createHash('sha256'); if (!anonymousId) {",
            {"E2"},
        ),  # derived though stored
        (
            "await context.globalState.update",
            "context.globalState.update",
            {"E2"},
        ),  # used before it is stored
        ("await context.globalState.update(STORAGE_KEY, anonymousId);", "", {"E2"}),  # never stored
        (".update(machineId)", ".update(crypto.randomUUID())", {"E2"}),  # not to be derived again
    ],
)
def test_planned_code_broken_the_other_way_does_not_keep_its_id(
    host: ExtensionHost, old: str, new: str, refuted: set[str]
) -> None:
    found = statuses(host, edited(planned(), old, new), patched())
    assert refuted <= {claim for claim, status in found.items() if status is Status.REFUTED}


@pytest.mark.parametrize(
    ("old", "new", "claim"),
    [
        (".then(undefined, () => {})", "", "E3"),  # a failing update fails the request
        ("await Promise.race([storing, timeIsUp])", "await storing", "E3"),  # a hanging one hangs it
        ("typeof stored === 'string' && ", "", "E4"),  # a number is taken for an id
        ("{1,255}$/", "{1,256}$/", "E4"),
        ("{1,255}$/", "{1,255}/", "E4"),  # a good beginning is enough
        ("/^[a-zA-Z0-9_-]{1,255}$/.test(stored)", "stored", "E4"),
        ("/^[a-zA-Z0-9_-]{1,255}$/.test(stored)", "stored", "E3"),
        ("await Promise.race([storing, timeIsUp])", "", "E2"),  # used before it is stored
    ],
)
def test_patched_code_without_one_workaround_is_refuted(
    host: ExtensionHost, old: str, new: str, claim: str
) -> None:
    assert statuses(host, planned(), edited(patched(), old, new))[claim] is Status.REFUTED


@pytest.mark.parametrize(
    ("old", "new", "claim", "other"),
    [
        (
            "await context.globalState.update(STORAGE_KEY, anonymousId);",
            "context.globalState.update(STORAGE_KEY, anonymousId).catch(() => {});",
            "E9",
            "E10",
        ),
        (
            "if (!anonymousId) {",
            "if (typeof anonymousId !== 'string' || !/^[\\w-]{1,255}$/.test(anonymousId)) {",
            "E10",
            "E9",
        ),
    ],
)
def test_audit_entry_flips_by_its_own_workaround_alone(
    host: ExtensionHost, old: str, new: str, claim: str, other: str
) -> None:
    found = statuses(host, edited(planned(), old, new), patched())
    assert found[claim] is Status.PROVEN
    assert found[other] is Status.REFUTED
