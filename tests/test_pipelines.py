"""The pipelines of docs/pipelines.md end to end: their scripts and the action's steps, taken out of the YAML and run.

Two folders stand for two repositories; they share the store, which holds the verdict alone, and the public key.
"""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from markdown_it import MarkdownIt

from harness.run.options.gate import GateOptions
from harness.run.signing import new_keys
from tests.command import harness_command, harness_program
from tests.fix_gate import of_reference
from tests.fix_stack import StartReplica
from tests.test_action import ACTION
from tests.test_docs import assert_parses

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "pipelines.md"
SHA: Final = "6f1c" * 10
OTHER: Final = "0a" * 20
EXPRESSION: Final = re.compile(r"\$\{\{ ([^}]+) \}\}")
BASH: Final = [shutil.which("bash") or "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="the pipelines store and fetch with curl")

Variables = Mapping[str, str]


def document(first_line: str) -> dict[str, Any]:
    """The YAML block that begins so; sent is what the smallest level sends, or the test would take minutes."""
    tokens = MarkdownIt("commonmark").parse(PAGE.read_text(encoding="utf-8"))
    found = [t.content for t in tokens if t.type == "fence" and t.info == "yaml" and first_line in t.content]
    assert len(found) == 1
    text = found[0].replace("level: standard", "level: smoke").replace("level standard", "level smoke")
    loaded: dict[str, Any] = yaml.safe_load(text.replace("level=standard", "level=smoke"))
    return loaded


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two repositories with what is their own, a store, a runner's folder, and the harness as it is installed."""
    (tmp_path / "store").mkdir()
    bin_folder = tmp_path / "runner" / "rollout-harness" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(sys.executable)
    (bin_folder / "harness").write_text(harness_program())
    for repository, program in (("backend", "deploy"), ("extension", "release")):
        folder = tmp_path / repository
        folder.mkdir()
        (folder / program).write_text(f'#!/bin/sh\necho "$@" > {program}.done\n')
        (folder / program).chmod(0o755)
    (bin_folder / "harness").chmod(0o755)
    new_keys(tmp_path / "backend" / "gate")
    shutil.move(tmp_path / "backend" / "gate.pub", tmp_path / "extension" / "gate.pub")
    return tmp_path


def known_of(options: GateOptions, work: Path) -> dict[str, str]:
    """What secrets and variables of both repositories hold."""
    return {
        "vars.STAGING_URL": options.backend_url,
        "vars.FREE_MODEL": options.free_model,
        "vars.STAGING_TEST_USER_EMAIL": options.email or "",
        "vars.VERDICT_STORE": f"file://{work}/store",
        "secrets.STAGING_DATABASE_URL": options.database_url,
        "secrets.STAGING_TEST_USER_TOKEN": options.token or "",
        "secrets.ROLLOUT_SIGNING_KEY": (work / "backend" / "gate").read_text(),
        "github.sha": SHA,
        "inputs.backend-sha": SHA,
    }


def bash(script: str, folder: Path, variables: Variables) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    return subprocess.run(
        [*BASH, script],
        cwd=folder,
        env=environment | dict(variables),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


class GitHub:
    """Runs the steps of a job as GitHub's runner does, as far as these workflows go."""

    def __init__(self, work: Path, repository: str, known: Mapping[str, str]) -> None:
        self.folder, self.runner = work / repository, work / "runner"
        self.known = dict(known)
        self.failed = False
        self.ran: list[str] = []
        self.said = ""

    def run(self, steps: list[dict[str, Any]]) -> bool:
        for step in steps:
            uses = step.get("uses", "")
            if uses.startswith("actions/") or not self._wanted(step.get("if", "")):
                continue
            if uses:
                self._action(step)
            else:
                self._script(step, self._filled(step.get("env", {})), step["run"])
        return not self.failed

    def _wanted(self, condition: str) -> bool:
        always, _, output = condition.rpartition("always() && ")
        if self.failed and not always and "always()" not in condition:
            return False
        return not output.startswith("steps.") or bool(self.known.get(output))

    def _filled(self, texts: Mapping[str, str], known: Mapping[str, str] | None = None) -> dict[str, str]:
        known = self.known if known is None else known
        return {
            name: EXPRESSION.sub(lambda m: known.get(m[1], ""), str(text)) for name, text in texts.items()
        }

    def _action(self, step: dict[str, Any]) -> None:
        defaults = {name: str(entry.get("default", "")) for name, entry in ACTION["inputs"].items()}
        inputs = defaults | self._filled(step["with"])
        assert set(inputs) == set(defaults)
        for part in ACTION["runs"]["steps"]:
            if part["name"].startswith("Install") or not _holds(part["if"], inputs["mode"]):
                continue
            environment = self._filled(part["env"], {f"inputs.{name}": text for name, text in inputs.items()})
            outputs = self._script(part, environment, part["run"])
            self.known |= {f"steps.{step.get('id')}.outputs.{name}": text for name, text in outputs.items()}

    def _script(self, step: dict[str, Any], environment: dict[str, str], script: str) -> dict[str, str]:
        assert "${{" not in script
        output = self.runner / "output"
        output.write_text("")
        own = {"RUNNER_TEMP": str(self.runner), "GITHUB_OUTPUT": str(output)}
        done = bash(script, self.folder, environment | own)
        self.ran.append(step["name"])
        self.said += done.stdout + done.stderr
        self.failed |= done.returncode != 0
        return dict(line.split("=", 1) for line in output.read_text().splitlines())


def _holds(condition: str, mode: str) -> bool:
    """Whether a condition on the action's mode holds; each is a conjunction of comparisons with a word."""
    for part in condition.split(" && "):
        match = re.fullmatch(r"inputs\.mode (==|!=) '(\w+)'", part)
        assert match is not None
        if (match[2] == mode) is not (match[1] == "=="):
            return False
    return True


BACKEND: Final = ".github/workflows/deploy.yml"
EXTENSION: Final = ".github/workflows/release.yml"


def github(work: Path, known: Mapping[str, str], page: str, job: str) -> tuple[bool, GitHub]:
    runner = GitHub(work, "backend" if page == BACKEND else "extension", known)
    return runner.run(document(page)["jobs"][job]["steps"]), runner


async def test_github_stages_gates_signs_stores_accepts_and_releases(
    reference: GateOptions, work: Path
) -> None:
    known = known_of(reference, work)
    went, runner = await asyncio.to_thread(github, work, known, BACKEND, "gate")
    assert went, runner.said
    assert runner.ran == ["Stage", "Judge the deployed backend", "Store"]
    assert [file.name for file in (work / "store").iterdir()] == [f"{SHA}.json"]
    went, runner = await asyncio.to_thread(github, work, known, EXTENSION, "release")
    assert went, runner.said
    assert runner.ran[-2:] == ["Hold the release to the stored verdict", "Release"]
    assert (work / "extension" / "release.done").exists()

    (work / "extension" / "release.done").unlink()
    for told, changed in (
        (f"it judged {SHA}, not {OTHER}", {"inputs.backend-sha": OTHER}),
        ("it judged http://127.0.0.1", {"vars.STAGING_URL": "https://api.example"}),
    ):
        shutil.copy(work / "store" / f"{SHA}.json", work / "store" / f"{OTHER}.json")
        went, runner = await asyncio.to_thread(github, work, known | changed, EXTENSION, "release")
        assert (went, "Release" in runner.ran) == (False, False)
        assert told in runner.said
    assert not (work / "extension" / "release.done").exists()


async def test_github_refuses_to_release_on_a_faulty_backend(
    ready_dsn: str, start: StartReplica, work: Path
) -> None:
    known = known_of(of_reference(await start(ready_dsn, "limit-256"), ready_dsn), work)
    went, runner = await asyncio.to_thread(github, work, known, BACKEND, "gate")
    assert (went, runner.ran[-1]) == (False, "Store")
    went, runner = await asyncio.to_thread(github, work, known, EXTENSION, "release")
    assert not went
    assert "refused: its verdict is NO-GO" in runner.said
    assert not (work / "extension" / "release.done").exists()
    (work / "store" / f"{SHA}.json").unlink()
    went, runner = await asyncio.to_thread(github, work, known, EXTENSION, "release")
    assert runner.ran == ["Fetch"]


def gitlab(folder: Path, job: Mapping[str, Any], variables: Variables) -> tuple[bool, str]:
    """Whether the script of a job went through, and what it printed; what comes after it runs in any case."""
    done = bash("\n".join(job["script"]), folder, variables)
    after = bash("\n".join(job.get("after_script", [])), folder, variables)
    return done.returncode == 0, done.stdout + done.stderr + after.stderr


def gitlab_variables(options: GateOptions, work: Path) -> dict[str, str]:
    return {
        "PATH": f"{work}/runner/rollout-harness/bin:{os.environ['PATH']}",
        "STAGING_URL": options.backend_url,
        "STAGING_HOST": "127.0.0.1",
        "FREE_MODEL": options.free_model,
        "CI_COMMIT_SHA": SHA,
        "BACKEND_SHA": SHA,
        "VERDICT_STORE": f"file://{work}/store",
        "HARNESS_DATABASE_URL": options.database_url,
        "HARNESS_AUTH_TOKEN": options.token or "",
        "HARNESS_AUTH_EMAIL": options.email or "",
        "HARNESS_SIGNING_KEY": (work / "backend" / "gate").read_text(),
    }


async def test_gitlab_gates_and_releases(reference: GateOptions, work: Path) -> None:
    variables = gitlab_variables(reference, work)
    backend = document(".gitlab-ci.yml, in the backend's repository")
    release = document(".gitlab-ci.yml, in the extension's repository")["release"]
    for stage in backend["stages"]:
        went, said = await asyncio.to_thread(gitlab, work / "backend", backend[stage], variables)
        assert went, said
    own = {"PATH", "VERDICT_STORE", "STAGING_URL", "BACKEND_SHA"}  # the extension's pipeline has no more
    theirs = {name: text for name, text in variables.items() if name in own}
    went, said = await asyncio.to_thread(gitlab, work / "extension", release, theirs)
    assert went, said
    assert (work / "extension" / "release.done").exists()
    (work / "extension" / "release.done").unlink()
    stored = work / "store" / f"{SHA}.json"
    stored.write_text(stored.read_text().replace('"sig": "', '"sig": "AAAA'))
    went, said = await asyncio.to_thread(gitlab, work / "extension", release, theirs)
    assert not went
    assert "refused: " in said
    assert not (work / "extension" / "release.done").exists()


async def test_argo_judges_the_preview(
    reference: GateOptions, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = document("kind: AnalysisTemplate")["spec"]
    job = spec["metrics"][0]["provider"]["job"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    given = {
        "preview-url": reference.backend_url,
        "preview-host": "127.0.0.1",
        "free-model": reference.free_model,
        "commit": SHA,
    }
    assert {one["name"] for one in spec["args"]} == set(given)
    words = [
        re.sub(r"\{\{args\.([\w-]+)\}\}", lambda m: given[m[1]], word)
        for word in (*container["command"], *container["args"])
    ]
    words = [word.replace("/tmp/verdict.json", f"{work}/verdict.json") for word in words]  # noqa: S108
    assert (job["backoffLimit"], words[0]) == (0, "harness")
    variables = gitlab_variables(reference, work)
    monkeypatch.chdir(work)
    done = await asyncio.to_thread(harness_command, *words[1:], env=os.environ | variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (work / "verdict.json").exists()


def test_the_examples_of_shards_are_whole() -> None:
    """Every part is run once, each line is one of our command line, and the verdict waits for all parts."""
    github = document("strategy: {fail-fast: false, matrix: {shard:")["jobs"]
    parts = github["shards"]["strategy"]["matrix"]["shard"]
    assert parts == list(range(1, len(parts) + 1))
    (script,) = (step["run"] for step in github["shards"]["steps"] if step.get("name") == "Prove a part")
    gitlab = document("# GitLab\nshards:")
    assert gitlab["shards"]["parallel"] == len(parts)
    (line,) = gitlab["shards"]["script"]
    for part in parts:
        variables = {"$SHARD": part, "$CI_NODE_INDEX": part, "$CI_NODE_TOTAL": len(parts)}
        for command in (script, line):
            words = shlex.split(command.partition(" || ")[0])
            filled = [with_variables(word, variables) for word in words]
            assert filled[filled.index("--shard") + 1] == f"{part}/{len(parts)}"
            assert filled[filled.index("--json") + 1] == f"shard-{part}.json"
            assert_parses(filled[1:])
    stored = [step["with"] for step in github["shards"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert [each["path"] for each in stored] == gitlab["shards"]["artifacts"]["paths"] == ["shard-*.json"]
    assert (github["verdict"]["needs"], gitlab["verdict"]["needs"]) == ("shards", ["shards"])
    (merge,) = (step["run"] for step in github["verdict"]["steps"] if step.get("name") == "Merge")
    assert merge == gitlab["verdict"]["script"][0] == "harness report merge shard-*.json --json report.json"


def with_variables(word: str, variables: Mapping[str, object]) -> str:
    """A word of a script as the shell gives it."""
    for name, value in variables.items():
        word = word.replace(name, str(value))
    return word
