"""The client's files of a checkout under Node: the claims that our copies of them are held to."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.checkout.bundle import bundle
from harness.checkout.client_way import ClientWay, follow_client
from harness.checkout.declared_types import declared_type, text_less
from harness.checkout.files import locate
from harness.checkout.modules import Modules
from harness.checks.checkout_claims import BUILT, CLIENT_IDS, OPTIONS
from harness.checks.extension import (
    OWN_PLANNED,
    TELEMETRY_PLANNED,
    installations_send_ids_of_their_own,
    no_id_is_sent_without_telemetry,
)
from harness.checks.linkability import LINKED_PLANNED
from harness.checks.persistence import (
    GOES_OUT_PLANNED,
    VALID_PLANNED,
    WORKAROUNDS,
    id_is_kept,
    ids_are_valid,
    requests_go_out,
)
from harness.checks.registry import run_check, run_checks
from harness.clients.extension_code import ExtensionCode
from harness.clients.extension_evidence import BuiltHeaders, Derivation
from harness.clients.extension_host import ExtensionHost, extension_host
from harness.clients.extension_runs import (
    derive,
    provider_calls,
    run_fleet,
    run_scenario,
    switch_telemetry_off,
)
from harness.clients.id_client import id_client
from harness.clients.persistence import FAULTS, FOUND, KEEPING
from harness.errors import UnavailableError, UsageError
from harness.rollout import Rollout
from harness.verdict import Finding, Judgement, Method, Results

DEVICES: Final = 300
PLACES_SHOWN: Final = 3
ELSEWHERE_SHOWN: Final = 8
PROVIDER: Final = "E5"
PARTS: Final = ("identity", "handler")
"""Files of the rollout's that are run."""


def check_client(results: Results, rollout: Rollout, checkout: Path) -> Mapping[str, str]:
    """Judges the id's function and the provider; returns the place of each in the checkout, by its role."""
    files = {} if rollout.tables.client is None else rollout.tables.client.files
    places: dict[str, str] = {}
    texts = {"identity": ""}
    without, is_run = "", False
    try:
        client = id_client(rollout)
        for name in PARTS:
            if name not in files:
                raise UsageError(f"the rollout names no client.files.{name}")
            found = locate(checkout, files[name])
            if found.path is None and name == "identity":
                without = found.why
                continue
            if found.path is None:
                raise UsageError("; ".join(each for each in (without, found.why) if each))
            places[name] = _place(checkout, found.path, files[name].symbol)
            texts[name] = bundle(checkout, found.path, files[name].symbol)
        with extension_host() as host:
            code = ExtensionCode(f"of {checkout.name}", texts["identity"], texts["handler"], client)
            _judge_headers(results, host, code)
            is_run = True
            if without:
                raise UsageError(without)
            _judge_ids(results, host, code)
    except (UsageError, UnavailableError) as error:
        for claim in CLIENT_IDS:
            if not (is_run and claim == PROVIDER):
                results.inconclusive(claim, str(error))
    return places


def check_options(results: Results, rollout: Rollout, checkout: Path) -> None:
    """Judges F7: the declared type of the handler's options, through aliases, intersections and re-exports."""
    files = {} if rollout.tables.client is None else rollout.tables.client.files
    results.method(OPTIONS, Method.EXHAUSTIVE)
    found = locate(checkout, files["options"]) if "options" in files else None
    if found is None or found.path is None:
        why = "the rollout names no client.files.options" if found is None else found.why
        results.inconclusive(OPTIONS, why)
        return
    option = _option(rollout)
    symbol, modules = files["options"].symbol, Modules(checkout)
    module = modules.read(found.path)
    kind = declared_type(symbol, module, modules)
    place = kind.where or f"{module.source.name}:1"
    results.observed(OPTIONS)
    if kind.lacks(option) or kind.declared is None:
        what = (
            f"{place}: {symbol} has no {option}"
            if kind.declared
            else f"{place}: no type {symbol} is exported"
        )
        edit = f"add `{option}?: string` to it"
        results.refute(
            Finding(OPTIONS, what, "the project does not compile once it is filled", workaround=edit)
        )
    elif option in kind.types and (other := text_less(kind.types[option][0])):
        what = f"{place}: {option} of {symbol} is declared as {other}"
        edit = f"make it `{option}?: string`"
        results.refute(
            Finding(OPTIONS, what, "the project does not compile once it is filled", workaround=edit)
        )
    elif option not in kind.types:
        reason = (
            f"{place}: {symbol} is partly of a package, which is not seen; in the rest there is no {option}"
        )
        results.inconclusive(OPTIONS, f"{reason}; add `{option}?: string`")
    else:
        results.detail(OPTIONS, f"declared at {place}")


def check_built(results: Results, rollout: Rollout, checkout: Path) -> None:
    """Judges F8: the id's way from its function into the options of every handler that is built."""
    files = {} if rollout.tables.client is None else rollout.tables.client.files
    results.method(BUILT, Method.EXHAUSTIVE)
    wanted = ("provider", "identity", "handler")
    if lacking := [name for name in wanted if name not in files]:
        results.inconclusive(BUILT, f"the rollout names no client.files.{lacking[0]}")
        return
    found = {name: locate(checkout, files[name]) for name in ("provider", "identity")}
    provider, identity = found["provider"].path, found["identity"].path
    if provider is None or (identity is None and found["identity"].matches):
        results.inconclusive(BUILT, "; ".join(each.why for each in found.values() if each.why))
        return
    option = _option(rollout)
    symbols = files["identity"].symbol, files["handler"].symbol
    way = follow_client(checkout, provider, identity, *symbols, option)
    if way.unknown:
        results.inconclusive(BUILT, way.unknown)
        results.inconclusive(LINKED_PLANNED, way.unknown)
        return
    _linked(results, way, f"{provider.relative_to(checkout).as_posix()}:1")
    _handed_on(results, way, option, symbols[0], found["identity"].why)


def _handed_on(results: Results, way: ClientWay, option: str, symbol: str, why: str) -> None:
    results.observed(BUILT, len(way.filled) + len(way.missing))
    why = f" ({why})" if why else ""
    for where, kind in way.untyped.items():
        edit = f"add `{option}?: string` to {kind}, or to the type of what takes the object"
        what = f"{where}: {option} is written into an object whose type {kind} has none"
        results.refute(Finding(BUILT, what, "the project does not compile", workaround=edit), alike=what)
    for where, builders in way.missing.items():
        edit = f"fetch it by `await {symbol}(context)`{why}, and hand it on as {option}"
        places = f" at {', '.join(builders[:PLACES_SHOWN])}" if builders else ""
        what = f"{where}: a handler is built{places} without {option}"
        results.refute(Finding(BUILT, what, "its requests carry no header", workaround=edit), alike=what)
    if way.filled:
        results.detail(BUILT, f"handed on at {', '.join(way.filled)}")
    if way.elsewhere:
        more = ", ".join(way.elsewhere[:ELSEWHERE_SHOWN])
        results.detail(BUILT, f"handlers that are not built from there send none: {more}")


def _linked(results: Results, way: ClientWay, place: str) -> None:
    """Judges E8: whether analytics is ever given the id; under another, an event does not belong to the row's."""
    results.observed(LINKED_PLANNED)
    if way.captured:
        results.detail(LINKED_PLANNED, f"analytics is given the id at {', '.join(way.captured)}")
        return
    what = f"{place}: no capture, identify or alias of the extension is given the id"
    effect = "the extension's events belong to others than the ids in the rows: nothing is linked"
    results.refute(Finding(LINKED_PLANNED, what, effect, workaround=WORKAROUNDS.get(LINKED_PLANNED, "")))


def _option(rollout: Rollout) -> str:
    client = rollout.tables.client
    assert client is not None, "asked where the client's files are named"
    assert client.option is not None, "the loader refuses a file without it"
    return client.option


def _judge_headers(results: Results, host: ExtensionHost, code: ExtensionCode) -> None:
    option = code.client.option
    calls = provider_calls(code.client)
    without = [
        call | {"options": {k: v for k, v in call["options"].items() if k != option}} for call in calls
    ]
    run_checks(results, [BuiltHeaders(code, calls, host.headers(code, without), host.headers(code, calls))])


def _judge_ids(results: Results, host: ExtensionHost, code: ExtensionCode) -> None:
    run_checks(results, [_derived(host, code)])
    for scenario in (*KEEPING, *FAULTS, *FOUND):
        run = run_scenario(host, code, scenario)
        if scenario in KEEPING:
            run_check(results, id_is_kept, run)
        if scenario in FOUND:
            run_check(results, ids_are_valid, VALID_PLANNED, run)
        else:
            run_check(results, requests_go_out, GOES_OUT_PLANNED, run)
    run_check(results, installations_send_ids_of_their_own, OWN_PLANNED, run_fleet(host, code, seed=0))
    for off in switch_telemetry_off(host, code):
        run_check(results, no_id_is_sent_without_telemetry, TELEMETRY_PLANNED, off)


def _derived(host: ExtensionHost, code: ExtensionCode) -> Derivation:
    """Without the devices' ids that stand for none, which code may leave without an id."""
    whole = derive(host, code, count=DEVICES, seed=0)
    shared = code.client.derived.shared
    kept = [number for number, device_id in enumerate(whole.device_ids) if device_id not in shared]
    return replace(
        whole,
        known=sum(number < whole.known for number in kept),
        device_ids=[whole.device_ids[number] for number in kept],
        expected=[whole.expected[number] for number in kept],
        derived=[whole.derived[number] for number in kept],
    )


def _place(checkout: Path, path: Path, symbol: str) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    line = text.count("\n", 0, max(text.find(symbol), 0)) + 1
    return f"{path.relative_to(checkout).as_posix()}:{line}"


def placed(judgement: Judgement, places: Mapping[str, str]) -> Judgement:
    """The judgement with the file and line of the code that was run before each condition."""
    place = places.get("handler" if judgement.id == PROVIDER else "identity", "")
    if judgement.id not in CLIENT_IDS or not place:
        return judgement
    findings = (replace(one, condition=f"{place}: {one.condition}") for one in judgement.findings)
    return replace(judgement, findings=tuple(findings))
