"""Node runs the extension's code in stand-ins of windows: the id it derives, and the stand-ins' own semantics."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.clients.extension_code import ExtensionCode, Update, WindowOutcome, WindowStart, patched, planned
from harness.clients.extension_host import ExtensionHost, extension_host
from harness.clients.id_client import plans_client
from harness.clients.persistence import MACHINE, OTHER_MACHINE
from harness.errors import UnavailableError
from harness.rule.node import node_child
from harness.rule.policy import POLICIES

MACHINE_IDS = st.one_of(
    st.text(st.characters(), max_size=80),  # any code point, lone surrogates too
    st.text(st.sampled_from("\ud800\udbff\udc00\udfff\ufffda"), max_size=8),
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.sampled_from(plans_client().derived.shared),
    st.builds(
        lambda text, times: text * times, st.text(st.characters(), min_size=1, max_size=5), st.just(2_000)
    ),
)


def probing(body: str) -> ExtensionCode:
    """Code whose id's function is this body, with `globalState` as `state`; what it returns goes out as the header."""
    source = f"exports.identity = async ({{ globalState: state }}) => {{ {body} }};"
    return replace(planned(), name="probing", anonymous_id=source)


@given(st.lists(MACHINE_IDS, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_node_derives_what_python_derives_from_any_machine_id(
    host: ExtensionHost, machines: list[str]
) -> None:
    assert host.derive(planned(), machines) == [
        plans_client().derived_id(machine_id) for machine_id in machines
    ]


@pytest.mark.parametrize(("machine_id", "derived"), plans_client().known_answers())
def test_id_is_the_known_answer(host: ExtensionHost, machine_id: str, derived: str) -> None:
    assert host.derive(planned(), [machine_id]) == [derived]
    assert plans_client().derived_id(machine_id) == derived
    assert [policy.accepted(derived) for policy in POLICIES.values()] == [derived] * len(POLICIES)


def test_known_answers_hold_the_ids_that_others_computed() -> None:
    answers = dict(plans_client().known_answers())
    assert answers["someValue.machineId"] == "vscode-d63f6f95dd8733f0"
    assert answers[""] == "vscode-255469480753dc78"
    assert answers["\ud800"] == answers["\udc00"] == answers["\ufffd"]


def test_patched_code_derives_the_same_ids_but_no_shared_one(host: ExtensionHost) -> None:
    client = plans_client()
    answers = client.known_answers()
    expected = [None if device_id in client.derived.shared else derived for device_id, derived in answers]
    assert host.derive(patched(), [device_id for device_id, _ in answers]) == expected


def test_memento_has_a_value_before_the_storage_has_it(host: ExtensionHost) -> None:
    code = probing(
        "const stored = state.update('key', 'new'); const now = state.get('key'); await stored; return now;"
    )
    [[window]] = host.run_scenario(code, [[WindowStart(MACHINE)]]).restarts
    assert window.header == "new"
    assert window.notes == ("update", "get", "stored", "request")
    assert window.waited_ms > 0


@pytest.mark.parametrize("update", [Update.LOSES, Update.REJECTS, Update.HANGS, Update.CRASHES])
def test_memento_keeps_in_memory_what_the_storage_never_gets(
    host: ExtensionHost, tmp_path: Path, update: Update
) -> None:
    code = probing(
        "state.update('key', 'new').catch(() => {}); return state.get('key') + (state.get('old') ?? '');"
    )
    storage = tmp_path / "storage.json"
    storage.write_text('{"old": "."}')
    [[window]] = host.run_scenario(code, [[WindowStart(MACHINE, update)]], file=storage).restarts
    assert window.header == (None if update is Update.CRASHES else "new.")
    assert storage.read_text() == '{"old": "."}'


def test_memento_gives_the_fallback_only_for_what_is_not_there(host: ExtensionHost) -> None:
    code = probing(
        "return [state.get('none', 'a'), state.get('null', 'b'), state.get('zero', 'c')].join('-');"
    )
    [[window]] = host.run_scenario(code, [[WindowStart(MACHINE)]], {"null": None, "zero": 0}).restarts
    assert window.header == "a--0"


def test_windows_opened_at_once_do_not_see_each_others_memory(host: ExtensionHost) -> None:
    code = probing("const found = state.get('key', 'none'); await state.update('key', 'new'); return found;")
    restarts = [[WindowStart(MACHINE), WindowStart(MACHINE)], [WindowStart(MACHINE)]]
    run = host.run_scenario(code, restarts)
    headers = [[window.header for window in windows] for windows in run.restarts]
    assert headers == [["none", "none"], ["new"]]


@pytest.mark.parametrize("code", [planned(), patched()], ids=lambda code: code.name)
def test_stand_in_crash_leaves_what_a_killed_process_leaves(
    host: ExtensionHost, tmp_path: Path, code: ExtensionCode
) -> None:
    killed, crashed = tmp_path / "killed.json", tmp_path / "crashed.json"
    with extension_host() as doomed, pytest.raises(UnavailableError, match="ended by signal 9"):
        doomed.run_scenario(code, [[WindowStart(MACHINE, Update.KILLED)]], file=killed)
    [[gone]] = host.run_scenario(code, [[WindowStart(MACHINE, Update.CRASHES)]], file=crashed).restarts
    assert gone.outcome is WindowOutcome.CRASHED
    assert not killed.exists()
    assert not crashed.exists()
    for file in (killed, crashed):
        run = host.run_scenario(code, [[WindowStart(MACHINE)]], file=file)
        assert run.restarts[0][0].header == run.stored == plans_client().derived_id(MACHINE)


def test_storage_in_a_file_outlives_its_host(tmp_path: Path) -> None:
    file = tmp_path / "storage.json"
    for changed in (MACHINE, OTHER_MACHINE):
        with extension_host() as running:
            [[window]] = running.run_scenario(planned(), [[WindowStart(changed)]], file=file).restarts
            assert window.header == plans_client().derived_id(MACHINE)


def test_code_that_cannot_be_compiled_is_told_in_one_line(host: ExtensionHost) -> None:
    broken = replace(planned(), anonymous_id="exports.identity = (")
    with pytest.raises(
        UnavailableError, match=r"Node cannot run the extension.s code \(derive\): SyntaxError"
    ):
        host.derive(broken, [MACHINE])
    assert host.derive(planned(), [MACHINE]) == [plans_client().derived_id(MACHINE)], (
        "the host goes on after it"
    )


def test_id_that_never_settles_is_told_and_not_waited_for(host: ExtensionHost) -> None:
    with pytest.raises(UnavailableError, match="nothing is due any more"):
        host.derive(probing("await new Promise(() => {});"), [MACHINE])


def test_node_that_does_not_answer_is_killed_in_time() -> None:
    with extension_host(seconds_max=1.0) as stuck, pytest.raises(UnavailableError, match="ended by signal 9"):
        stuck.derive(probing("for (;;) {}"), [MACHINE])


def test_missing_program_cannot_run(tmp_path: Path) -> None:
    with (
        pytest.raises(UnavailableError, match="Node cannot start"),
        node_child(tmp_path / "host.js", program=tmp_path / "no-such-node"),
    ):
        pass
