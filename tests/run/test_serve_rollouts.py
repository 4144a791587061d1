"""`harness serve` of another rollout: its header, its rule and its column, or a line that says why not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.data import fixture_path
from harness.database.scripts import Script
from harness.database.server import Server
from harness.database.templates import Templates
from harness.rollout import load_rollout
from harness.run.live.request_log import State
from tests.command import harness_command
from tests.fix_orders import ORDERS
from tests.fix_serve import Serving, serving

MACHINE, FEATURE = (fixture_path(f"rollouts/{name}") for name in ("machine-id", "feature"))


@asynccontextmanager
async def of_rollout(server: Server, folder: Path, build: str = "after") -> AsyncIterator[Serving]:
    rollout = load_rollout(folder)
    steps = [step.up for step in rollout.tables.step if step.up is not None]
    with Templates(server, rollout=rollout) as templates:
        scripts = [Script(name, rollout.text(name)) for name in steps]
        with templates.after(scripts) as dsn:
            async with serving(server, dsn, rollout=folder, build=build) as stack:
                yield stack


async def test_values_of_another_rule_are_judged_in_another_column(server: Server) -> None:
    async with of_rollout(server, MACHINE) as stack:
        name = {"x-kilocode-machineid": " m 1 "}
        entry = await stack.seen(headers=name)
        assert (entry.lines, entry.ruling, entry.value, entry.faults) == ((b"m 1",), "", "m 1", ())
        signed_in = {"authorization": f"Bearer {stack.address.user.token}"}
        entry = await stack.seen(headers=name | signed_in)
        assert (entry.value, entry.faults) == ("m 1", ()), "of signed-in users, too"
        assert entry.due is not None
        assert entry.due.email == stack.address.user.email
        entry = await stack.seen(headers={"x-kilocode-machine-id": "m1"})
        assert (entry.state, entry.hint) == (
            State.NULL,
            "x-kilocode-machine-id is not the header; it is x-kilocode-machineid",
        )
        assert "x-kilocode-machineid: " in stack.address.curl
        assert (await stack.end()).faultless


async def test_a_word_that_is_not_listed_says_so(server: Server) -> None:
    async with of_rollout(server, FEATURE) as stack:
        entry = await stack.seen(headers={"x-kilocode-feature": "CLI"})
        assert (entry.ruling, entry.value, entry.as_sent, entry.faults) == ("", "cli", False, ())
        entry = await stack.seen(headers={"x-kilocode-feature": "clx"})
        assert (entry.ruling, entry.state, entry.faults) == ("not what the rule stores", State.NULL, ())


async def test_a_build_without_the_rule_is_shown_as_wrong(server: Server) -> None:
    async with of_rollout(server, MACHINE, "slip-499-units-are-taken-not-500") as stack:
        entry = await stack.seen(headers={"x-kilocode-machineid": "a" * 501})
        assert [fault.partition(":")[0] for fault in entry.faults] != []
        assert not (await stack.end()).faultless


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((str(ORDERS),), "no reference.insert, so there is no reference to serve"),
        ((str(MACHINE), "--build", "limit-256"), "unknown build 'limit-256' of rollout machine-id"),
        ((str(MACHINE), "--policy", "length-only"), "--policy is another name of a rollout's folder"),
    ],
)
def test_what_cannot_be_served_is_one_line(options: tuple[str, ...], told: str) -> None:
    done = harness_command("serve", "--port", "0", "--rollout", *options)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert told in line
