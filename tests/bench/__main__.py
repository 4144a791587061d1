"""Compares clients on one reference proxy in one run, then prove with an earlier version of it: `tox -e bench`.

Ratios count; absolute rates are this machine's.

wrk sends one request over and over and reads no rows; it is the most that this proxy can serve. Our wire client
sends a different header each time and matches every request with its rows. httpx and schemathesis do as they do.
"""

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import httpx

from harness import plan
from harness.backend.serve import HOST, loop_factory
from harness.clients.extension import FREE_MODEL, plan_header
from harness.clients.id_client import plans_client
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.probing.probe_factory import plan_caller
from harness.probing.run import Item, observations
from harness.rule.policy import STRICT
from harness.rule.shard import WHOLE, Share
from harness.rule.suite import Level, complete_suite
from harness.run.gate import judge_target
from harness.run.headers import SentCounts, send_suite
from harness.run.options.gate import GateOptions
from harness.run.proof_claims import claims_of
from harness.stages.environment import Environment, running_stage, stack
from harness.stages.matrix import MACHINE
from harness.sut.reference import Endpoint
from harness.verdict import Results
from tests.bench.proofs import compared_proofs
from tests.bench.proofs import lines_of as proof_lines
from tests.bench.sizes import lines_of as size_lines
from tests.bench.sizes import measured_sizes, suite_items
from tests.bench.starts import measured_starts
from tests.bench.summary import speeds, table

SECONDS = float(os.environ.get("HARNESS_BENCH_SECONDS", "8"))
CONNECTIONS = 8
ADDRESSES = """
local sent = 0
request = function()
  sent = sent + 1
  wrk.headers["x-forwarded-for"] = string.format("2001:db8:1:%x::%x", math.floor(sent / 65536), sent % 65536)
  return wrk.format()
end
"""
"""Of wrk's script: another client for each request."""

OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "reference proxy", "version": "1"},
    "paths": {
        plan.ROUTES[0]: {
            "post": {
                "parameters": [
                    {
                        "name": "x-forwarded-for",
                        "in": "header",
                        "required": True,
                        "schema": {"enum": ["192.0.2.1"]},
                    },
                    {"name": plan.HEADER, "in": "header", "schema": {"type": "string", "maxLength": 300}},
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["model", "messages", "stream"],
                                "properties": {
                                    "model": {"enum": ["harness/stub:free"]},
                                    "messages": {"enum": [[{"role": "user", "content": "hello"}]]},
                                    "stream": {"enum": [False]},
                                },
                                "additionalProperties": False,
                            }
                        }
                    },
                },
                "responses": {"200": {"description": "a completion"}},
            }
        }
    },
}


@dataclass(frozen=True)
class Measured:
    """Requests a second of one client; 0 with the reason where it could not run."""

    name: str
    rate: float
    remark: str


async def by_wrk(environment: Environment) -> Measured:
    """wrk with the one request that the extension sends most."""
    return await run_wrk(environment, "wrk", "reads no rows")


async def by_wrk_with_addresses(environment: Environment) -> Measured:
    """The same with an address for each request, which is a user more, as ours have it: more work for the proxy."""
    return await run_wrk(
        environment, "wrk, an address each", "a user for each request; reads no rows", ADDRESSES
    )


async def run_wrk(environment: Environment, name: str, remark: str, more: str = "") -> Measured:
    """wrk for the time given; `more` is added to its script."""
    if shutil.which("wrk") is None:
        return Measured(name, 0.0, "not installed")
    sample = plan_caller().probe(plan_header(plans_client().derived_id(MACHINE)), address="192.0.2.1").request
    headers = "".join(
        f"wrk.headers[{json.dumps(k.decode())}] = {json.dumps(v.decode())}\n" for k, v in sample.headers
    )
    script = f'wrk.method = "POST"\nwrk.body = [==[{sample.body.decode()}]==]\n{headers}{more}'
    with tempfile.TemporaryDirectory() as folder:
        lua = Path(folder, "post.lua")
        lua.write_text(script)
        url = environment.replicas[0].process.origin + sample.path
        printed = await run("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS:.0f}s", "-s", str(lua), url)
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    return Measured(name, float(found[1]) if found else 0.0, f"{failed[1]} failed" if failed else remark)


async def by_wire(environment: Environment) -> Measured:
    """Our client over the complete suite, every row matched."""
    endpoint = Endpoint((HOST, environment.replicas[0].process.port), "after", "bench", environment.lost)
    counted = matched = 0
    started = time.monotonic()
    probes = items(started + SECONDS)
    async with aclosing(observations(endpoint, environment.rows, probes, connections=CONNECTIONS)) as batches:
        async for batch in batches:
            counted += len(batch)
            matched += sum(len(seen.rows) == 1 and seen.rows[0].whole for seen in batch)
    seconds = time.monotonic() - started
    return Measured("wire client", counted / seconds, f"{matched:,} of {counted:,} matched with their rows")


async def by_suite(environment: Environment) -> Measured:
    """As prove sends its suite: every row matched, and each request judged by every claim of the header."""
    results, sent = Results(claims_of(Level.STANDARD)), SentCounts(Share((), WHOLE))
    started = time.monotonic()
    await send_suite(results, environment, STRICT, items(started + SECONDS), sent, lambda _: None)
    seconds = time.monotonic() - started
    refuted = sum(each.refuting for each in results.judgements())
    return Measured(
        "prove's suite", sent.requests / seconds, f"{refuted} of {sent.requests:,} refute a claim"
    )


async def by_gate(environment: Environment) -> Measured:
    """The gate at standard on that replica, from its first request to its verdict."""
    user = await environment.stack.signed_in(environment.dsn)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        options = GateOptions(
            backend_url=environment.replicas[0].process.origin,
            database_url=environment.dsn,
            free_model=FREE_MODEL,
            token=user.token,
            email=user.email,
            journal=Path(folder, "journal.jsonl"),
        )
        report = await judge_target(options, lambda _: None)
    seconds = time.monotonic() - started
    sent = report.sections.requests.sent if report.sections.requests else 0
    return Measured(
        "gate at standard", sent / seconds, f"{report.verdict}: {sent:,} requests in {seconds:.1f} s"
    )


def items(deadline: float) -> Iterator[Item]:
    """A control, then the complete suite over and over, until the time is up."""
    return takewhile(lambda _: time.monotonic() <= deadline, suite_items())


async def by_httpx(environment: Environment) -> Measured:
    """httpx.AsyncClient with as many requests at once; reads no rows."""
    counted = 0
    deadline = time.monotonic() + SECONDS
    async with httpx.AsyncClient(base_url=environment.replicas[0].process.origin, trust_env=False) as client:

        async def send() -> None:
            nonlocal counted
            while time.monotonic() < deadline:
                one = plan_caller().probe(plan_header("abc"), address="192.0.2.1").request
                await client.post(one.path, headers=list(one.headers), content=one.body)
                counted += 1

        await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
    return Measured("httpx.AsyncClient", counted / SECONDS, "reads no rows")


async def by_schemathesis(environment: Environment) -> Measured:
    """schemathesis as it comes, fuzzing the same header from an equivalent description; reads no rows."""
    return await fuzz_with_schemathesis(environment, "schemathesis", "as it comes; reads no rows")


async def by_bare_schemathesis(environment: Environment) -> Measured:
    """schemathesis with all that can be left out left out: valid requests only, one check."""
    bare = ("--phases", "fuzzing", "--mode", "positive", "--checks", "not_a_server_error")
    return await fuzz_with_schemathesis(environment, "schemathesis, bare", "valid requests, one check", *bare)


async def fuzz_with_schemathesis(environment: Environment, name: str, remark: str, *options: str) -> Measured:
    """Runs it for the time given; its rate is of the test cases that it says it generated."""
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists():
        return Measured(name, 0.0, "not installed")
    with tempfile.TemporaryDirectory() as folder:
        description = Path(folder, "openapi.json")
        description.write_text(json.dumps(OPENAPI))
        started = time.monotonic()
        printed = await run(
            *(str(program), "run", str(description), "--url", environment.replicas[0].process.origin),
            *("--max-time", f"{SECONDS:.0f}", "--max-examples", "100000", "--no-color", *options),
            cwd=folder,
        )
        seconds = time.monotonic() - started
    generated = re.search(r"(\d+) generated", printed)
    return Measured(name, int(generated[1]) / seconds if generated else 0.0, remark)


async def run(*command: str, cwd: str | None = None) -> str:
    """Standard output and error of a program."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=cwd
    )
    printed, _ = await process.communicate()
    return printed.decode(errors="replace")


async def compare(templates: Templates) -> list[Measured]:
    """Each client on a stand of its own, so that none finds what another left."""
    clients: list[Callable[[Environment], Awaitable[Measured]]] = [
        by_wrk,
        by_wire,
        by_suite,
        by_wrk_with_addresses,
        by_gate,
        by_httpx,
        by_schemathesis,
        by_bare_schemathesis,
        by_wrk,
    ]
    measured = []
    complete_suite(STRICT)  # made once, by whoever is first: it is no part of what is compared
    async with stack(templates, "strict") as shared:
        for client in clients:
            async with running_stage(shared, shared.model.arrived) as environment:
                measured.append(await client(environment))
    return measured


def main() -> None:
    """Prints the table; wrk goes first and last, and its mean is what others are compared with."""
    with (
        running_server() as server,
        Templates(server) as templates,
        asyncio.Runner(loop_factory=loop_factory()) as runner,  # as in every command that sends
    ):
        measured = runner.run(compare(templates))
    reference = (measured[0].rate + measured[-1].rate) / 2
    schemathesis = next(one.rate for one in measured if one.name == "schemathesis")
    print(f"{'client':<22}{'requests/s':>12}{'of wrk':>10}{'of schemathesis':>18}  remark")
    for one in measured:
        of_wrk = f"{one.rate / reference:.2f}" if reference else "-"
        of_fuzzer = f"{one.rate / schemathesis:.1f}" if schemathesis else "-"
        print(f"{one.name:<22}{one.rate:>12,.0f}{of_wrk:>10}{of_fuzzer:>18}  {one.remark}")
    found = list(compared_proofs())
    sizes = measured_sizes()
    rates = {one.name: one.rate for one in measured}
    for line in (
        *proof_lines(found),
        *size_lines(sizes),
        "",
        *table([*speeds(rates, reference, found, sizes, measured_starts())]),
    ):
        print(line, flush=True)


if __name__ == "__main__":
    main()
