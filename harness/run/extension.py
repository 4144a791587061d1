"""The extension's code under Node: run and judged, claim by claim."""

from harness.checks.extension import (
    JUDGED_HERE,
    OWN,
    OWN_PLANNED,
    PROVIDER,
    TELEMETRY_PLANNED,
    installations_send_ids_of_their_own,
    no_id_is_sent_without_telemetry,
)
from harness.checks.persistence import judge_persistence
from harness.checks.registry import run_check, run_checks
from harness.clients.client_cases import run_cases
from harness.clients.extension_code import ExtensionCode, patched, planned
from harness.clients.extension_host import extension_host
from harness.clients.extension_runs import (
    build_headers,
    derive,
    run_fleet,
    run_scenarios,
    switch_telemetry_off,
)
from harness.clients.id_client import id_client
from harness.errors import UnavailableError
from harness.rollout import Rollout
from harness.rollout.claims import makes_ids
from harness.verdict import Results


def judge_extension(
    results: Results,
    *,
    devices: int,
    seed: int,
    as_planned: ExtensionCode | None = None,
    with_workarounds: ExtensionCode | None = None,
) -> None:
    """Judges E1 to E5, E7 and the audit's E9 to E12; all of them are unknown where Node cannot run.

    `devices` is how many are derived from beyond the known answers; `seed` draws them. Another code than the
    plan's and the patched one can stand in for either.
    """
    as_planned = as_planned or planned()
    with_workarounds = with_workarounds or patched()
    try:
        with extension_host() as host:
            run_checks(results, [derive(host, as_planned, count=devices, seed=seed)])
            if as_planned.client.client.before is not None:
                run_checks(results, [build_headers(host, as_planned)])
            judge_persistence(results, run_scenarios(host, as_planned), run_scenarios(host, with_workarounds))
            for own, off, code in (
                (OWN_PLANNED, TELEMETRY_PLANNED, as_planned),
                (OWN, OWN, with_workarounds),
            ):
                fleet = run_fleet(host, code, seed=seed)
                run_check(results, installations_send_ids_of_their_own, own, fleet)
                for run in switch_telemetry_off(host, code):
                    run_check(results, no_id_is_sent_without_telemetry, off, run)
    except UnavailableError as error:
        for claim in filter(results.__contains__, JUDGED_HERE):
            results.inconclusive(claim, str(error))


def judge_client(results: Results, rollout: Rollout, *, devices: int, seed: int) -> None:
    """Judges E5 by the cases of a rollout's file, where it has a client; E1 to E4 and E7 where that makes ids."""
    if rollout.tables.client is None or rollout.tables.client.handler is None:
        return
    if makes_ids(rollout.tables):
        client = id_client(rollout)
        judge_extension(
            results,
            devices=devices,
            seed=seed,
            as_planned=planned(client),
            with_workarounds=patched(client),
        )
    try:
        run_checks(results, run_cases(rollout))
    except UnavailableError as error:
        results.inconclusive(PROVIDER, f"Node did not run the client: {error}")
