"""The plan's rollout under other names, with another bound, is proven by its folder alone: no name is in the code."""

import json
import re
from pathlib import Path

from harness.clients.id_client import id_client
from harness.data import rollout_folders
from harness.database.server import Server
from harness.report.document import to_json
from harness.rollout import Rollout, load_rollout
from harness.rule.level import Level
from harness.run.options.prove import ProveOptions
from harness.run.prove import prove
from harness.verdict import Status, Verdict
from tests.test_names import BOUND, NAMES

OTHER_NAMES = {
    "PostHog": "Guest",
    "Posthog": "Guest",
    "posthog": "guest",
    "DistinctId": "Tag",
    "distinct_id": "tag",
    "distinct-id": "tag",
    "Microdollar": "Charge",
    "microdollar": "charge",
    "Kilocode": "Shop",
    "kilocode": "shop",
    "kilo_": "shop_",
    "VSCode": "Desk",
    "vscode": "desk",
    "machine_id": "device",
    "anon:": "stranger:",
    "api/openrouter": "api/router",
}
"""Header, tables, columns, classes, prefixes and a path."""
OTHER_BOUNDS = {BOUND: 97, BOUND + 1: 98}
"""The longest value, and one that is too long."""


def renamed(text: str) -> str:
    for name, other in OTHER_NAMES.items():
        text = text.replace(name, other)
    text = text.replace("require('desk')", "require('vscode')")  # the editor's own package keeps its name
    for bound, less in OTHER_BOUNDS.items():
        text = re.sub(rf"\b{bound}\b", str(less), text)
    return text


def renamed_copy(to: Path) -> Path:
    """Every file of the default rollout's folders, in its name and in its text."""
    for folder in rollout_folders():
        for file in folder.rglob("*"):
            if file.is_file():
                path = to / renamed(f"{folder.name}/{file.relative_to(folder).as_posix()}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(renamed(file.read_text(encoding="utf-8")), encoding="utf-8")
    copy = to / renamed(rollout_folders()[0].name)
    _answer_anew(copy / "client" / "known_answers.json", load_rollout(copy))
    return copy


def _answer_anew(known: Path, rollout: Rollout) -> None:
    """The ids under the other salt, as Python derives them: text that was only renamed is no hash of anything."""
    client = id_client(rollout)
    answers = [
        answer | {"id": client.derived_id(answer["machineId"])}
        for answer in json.loads(known.read_text("utf-8"))
    ]
    known.write_text(json.dumps(answers), encoding="utf-8")


def test_renamed_copy_of_the_plans_folder_is_proven(server: Server, tmp_path: Path) -> None:
    folder = renamed_copy(tmp_path)
    rollout = load_rollout(folder)
    assert rollout.header.name == "x-guest-tag"
    options = ProveOptions(Level.SMOKE, postgres=server.dsn("postgres"), rollout=folder)
    report = prove(options, lambda _: None)
    assert [one.id for one in report.judgements if one.status is not Status.PROVEN] == []
    assert report.verdict is Verdict.GO
    sentence = next(one.sentence for one in report.judgements if one.id == "V2")
    assert sentence == "A header of 97 characters is stored, one of 98 is not."
    text = to_json(report)
    assert NAMES.search(text) is None
    assert f"{BOUND} " not in text
