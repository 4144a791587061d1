"""What `harness serve` prints of a request: one line, green only for what was served, and JSON for a machine."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.backend.defects import CATALOGUE, build_lines, find_build
from harness.cli.serve_lines import line
from harness.cli.serve_view import JsonView, PlainView
from harness.errors import UsageError
from harness.run.live.page import entry_data
from harness.run.live.request_log import ExpectedRow, LoggedRequest, State
from tests.fix_serve import Serve

EXPECTED = ExpectedRow("anon:192.0.2.1", None, streamed=False)
ENTRY = LoggedRequest(1, datetime.now(UTC), "192.0.2.1", "POST /x", (b"vscode-1",))


@pytest.mark.parametrize(
    ("status", "state", "due", "told"),
    [
        (200, State.STORED, EXPECTED, ("accepted", "green")),
        (200, State.ANSWERED, EXPECTED, ("accepted", "green")),
        (500, State.STORED, EXPECTED, ("accepted", "green")),
        (404, State.NO_ROW, None, ("valid, request not served", "yellow")),
        (401, State.NO_ROW, None, ("valid, request not served", "yellow")),
        (400, State.NO_ROW, None, ("valid, request not served", "yellow")),
        (405, State.NO_ROW, None, ("valid, request not served", "yellow")),
        (503, State.NO_ROW, None, ("valid, request not served", "yellow")),
        (0, State.NO_ROW, None, ("valid, request not served", "yellow")),
        (0, State.OPEN, None, ("valid", "")),
    ],
)
def test_green_accepted_stands_beside_no_refusal(
    status: int, state: State, due: ExpectedRow | None, told: tuple[str, str]
) -> None:
    entry = replace(ENTRY, status=status, state=state, due=due)
    if state is State.STORED:
        entry = replace(entry, state=State.NULL)
    assert told in line(entry)
    greens = [text for text, style in line(entry) if style == "green"]
    assert greens == (["accepted"] if told[0] == "accepted" else [])


def test_pipe_gets_one_line_a_request(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainView() as view:
        for state in (State.OPEN, State.ANSWERED, State.NULL):
            view.changed(replace(ENTRY, status=200, state=state, due=EXPECTED))
        view.changed(
            replace(ENTRY, number=2, lines=(), ruling="not sent", hint="x is not it", state=State.NO_ROW)
        )
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("#1  ")
    assert "no header  x is not it" in second


def test_machine_gets_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonView() as view:
        for state in (State.OPEN, State.NULL):
            view.changed(replace(ENTRY, lines=(b'\xff"\n',), status=200, state=state, due=EXPECTED))
        view.ending()
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [one["event"] for one in told] == ["request", "ending"]
    assert (told[0]["number"], told[0]["status"], told[0]["state"]) == (1, 200, "null")


def test_every_build_is_named_once_with_what_it_does() -> None:
    lines = build_lines()
    assert sorted(told.split()[0] for told in lines) == sorted(CATALOGUE)
    assert all(len(told.split()) > 2 for told in lines)


@pytest.mark.parametrize("name", ["limit-25", "aftr", "", "x" * 300, "late-rows-0"])
def test_unknown_build_names_near_ones_and_where_all_are(name: str) -> None:
    with pytest.raises(UsageError, match="--list-builds") as caught:
        find_build(name)
    assert len(str(caught.value)) < 600


async def test_near_miss_is_told_of_a_request_that_has_no_header(serve: Serve) -> None:
    stack = await serve()
    near = await stack.seen(headers={"x-posthog-distinctid": "vscode-1"})
    assert "x-posthog-distinctid is not the header" in near.hint
    assert entry_data(near)["hint"] == near.hint
    assert (await stack.seen(b"vscode-1", headers={"x-posthog-distinctid": "a"})).hint == ""
