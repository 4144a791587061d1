"""The release gate as a function: a deployed backend and its database judged, the typed report returned."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from harness.errors import UsageError
from harness.report.document import Report
from harness.rollout import Rollout
from harness.rule.level import Level
from harness.run.gate import gate as run_gate
from harness.run.options.gate import GateOptions

LevelName = Literal["smoke", "standard", "exhaustive"]


def gate(
    backend_url: str,
    database_url: str,
    *,
    rollout: Rollout | None = None,
    parameters: Mapping[str, str] | None = None,
    free_model: str = "",
    level: LevelName = "smoke",
    build: Literal["before", "after"] = "after",
    token: str | None = None,
    email: str | None = None,
    request_headers: Sequence[str] = (),
    waive: Mapping[str, str] | None = None,
    seed: int = 0,
    max_requests: int | None = None,
    rate_max: float | None = None,
    time_limit_s: float = 600.0,
    timeout_s: float = 30.0,
    wait_rows_s: float | None = None,
    read_only: bool = False,
    clean: bool = False,
) -> Report:
    """Judges a backend by its URL and its database, as `harness gate` does, and returns the report.

    By a rollout, by default the plan's. `parameters` are what stands for {NAME} in its requests, by name; of the plan's
    also by themselves: `free_model`, one that the backend serves without an account, `token` and `email` of a test
    user. `waive` has reasons by the ids of claims. It sends without asking whose host that is. Every option is as
    `harness gate --help` says. What is found never raises: the report's verdict says it. Raises UsageError for options
    that do not fit together, UnavailableError when no journal can be written.
    """
    options = GateOptions(
        backend_url=backend_url,
        database_url=database_url,
        rollout=rollout.folders[0] if rollout is not None else None,
        parameters=dict(parameters or {}),
        free_model=free_model,
        token=token,
        email=email,
        level=Level(level),
        build=build,
        request_headers=tuple(request_headers),
        waivers=dict(waive or {}),
        seed=seed,
        max_requests=max_requests,
        rate_max=rate_max,
        time_limit_s=time_limit_s,
        timeout_s=timeout_s,
        wait_rows_s=wait_rows_s,
        read_only=read_only,
        clean=clean,
        command="harness.gate(...)",
    )
    declared = options.under_test.rollout.tables.parameter
    if unknown := [name for name in options.parameters if name not in declared]:
        raise UsageError(f"gate(parameters=...): there is no {unknown[0]!r}; there are {', '.join(declared)}")
    with ThreadPoolExecutor(
        max_workers=1
    ) as executor:  # its event loop is its own: the caller's may be running
        return executor.submit(run_gate, options, lambda _: None).result()
