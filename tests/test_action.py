"""The action as GitHub reads it: values stay values, every option exists, and the gate's exit code decides."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from harness.cli.accept import accept
from harness.cli.check import check
from harness.cli.gate import gate
from harness.data import cache_path
from harness.rule.policy import POLICIES
from harness.rule.suite import Level
from harness.run.options.gate import GateOptions
from harness.run.report import SUMMARY_VARIABLE
from harness.run.signing import SIGNING_VARIABLE
from tests.checkout.edits import backend
from tests.command import harness_program

ACTION: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
JUDGE, ACCEPT, CHECK = (
    next(step for step in STEPS if step.get("id") == name) for name in ("judge", "accept", "check")
)
INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")


def by_variable(inputs: dict[str, str], step: dict[str, Any] = JUDGE) -> dict[str, str]:
    """What the environment of a step is for these inputs, by the defaults and expressions of the action."""
    given = {name: str(known.get("default", "")) for name, known in ACTION["inputs"].items()} | inputs
    return {name: INPUT.sub(lambda found: given[found[1]], value) for name, value in step["env"].items()}


def judge(
    folder: Path, inputs: dict[str, str], program: str, step: dict[str, Any] = JUDGE
) -> subprocess.CompletedProcess[str]:
    """Runs a step as GitHub does, with a program in place of the installed harness."""
    installed = folder / "rollout-harness" / "bin"
    installed.mkdir(parents=True)
    (installed / "python").symlink_to(sys.executable)
    (installed / "harness").write_text(program)
    (installed / "harness").chmod(0o755)
    script = folder / "step.sh"
    script.write_text(step["run"])
    (folder / "work").mkdir(exist_ok=True)
    own = {"RUNNER_TEMP": str(folder), "GITHUB_OUTPUT": str(folder / "output"), "HOME": str(folder)}
    own |= {SUMMARY_VARIABLE: str(folder / "summary"), "PATH": os.environ["PATH"]}
    own["XDG_CACHE_HOME"] = str(cache_path("").parent)  # else initdb runs again
    bash = [shutil.which("bash") or "bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    return subprocess.run(
        bash,
        env=by_variable(inputs, step) | own,
        cwd=folder / "work",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


RECORDER = """#!/bin/sh
for one in "$@"; do printf '%s\\n' "$one"; done
exit 1
"""


def test_no_expression_stands_in_a_script() -> None:
    assert [step["name"] for step in STEPS if "${{" in step["run"]] == []
    assert all(step["shell"] == "bash" for step in STEPS)


def test_every_input_is_described_and_used_by_its_step() -> None:
    used = {
        name
        for step in (JUDGE, ACCEPT, CHECK)
        for value in step["env"].values()
        for name in INPUT.findall(value)
    }
    conditions = " ".join(str(step.get("if", "")) for step in STEPS)
    assert used | {"mode"} == set(ACTION["inputs"])
    assert "inputs.mode" in conditions
    for step in (JUDGE, ACCEPT, CHECK):
        for variable in step["env"]:
            assert variable.startswith("HARNESS_") or f"${variable}" in step["run"].replace("{", "")
    assert all(known["description"].strip() for known in ACTION["inputs"].values())


@pytest.mark.parametrize(
    ("step", "command", "least"), [(JUDGE, gate, 15), (ACCEPT, accept, 6), (CHECK, check, 4)]
)
def test_every_option_and_variable_that_is_passed_exists(
    step: dict[str, Any], command: click.Command, least: int
) -> None:
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    passed = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", step["run"]))
    assert passed <= options
    assert len(passed) >= least
    variables = {str(parameter.envvar) for parameter in command.params if getattr(parameter, "envvar", None)}
    assert {name for name in step["env"] if name.startswith("HARNESS_")} <= variables | {SIGNING_VARIABLE}


def test_accept_passes_on_what_it_is_given(tmp_path: Path) -> None:
    hostile = "$(touch pwned) `touch pwned` '"
    inputs = {
        "backend-url": hostile,
        "deployed": "6f1c" * 10,
        "verdict": "-x.json",
        "key": "a.pub\n\nb b.pub",
        "allow-waiver": "I1",
    }
    done = judge(tmp_path, inputs, RECORDER, ACCEPT)
    assert done.stdout.splitlines() == [
        "accept",
        f"--target={hostile}",
        f"--deployed={'6f1c' * 10}",
        "--level=standard",
        "--max-age=24h",
        "--key=a.pub",
        "--key=b b.pub",
        "--allow-waiver=I1",
        "--",
        "-x.json",
    ]
    assert not list(tmp_path.rglob("pwned"))


def test_check_annotates_the_line_that_is_wrong(tmp_path: Path) -> None:
    checkout = backend(tmp_path / "work")
    program = harness_program().replace("exec", "GITHUB_ACTIONS=true exec", 1)
    done = judge(tmp_path, {"checkout": checkout.name}, program, CHECK)
    assert done.returncode == 1, done.stderr
    marks = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    file = "backend/src/lib/processUsage.ts"
    assert any(mark.startswith(f"::error file={file},line=32,endLine=42,title=F4::") for mark in marks)
    document = json.loads((tmp_path / "work" / "rollout-gate" / "check.sarif").read_text())
    (run,) = document["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {"F1", "F4"} <= {
        result["ruleId"] for result in run["results"]
    }  # and what the value lacks where it runs
    assert file in {place["artifactLocation"]["uri"] for place in places}
    assert "refuted" in (tmp_path / "summary").read_text()


def test_accept_without_a_build_is_misuse(tmp_path: Path) -> None:
    done = judge(tmp_path, {"backend-url": "http://x", "verdict": "v.json"}, harness_program(), ACCEPT)
    assert done.returncode == 2
    assert "--deployed" in done.stderr


def test_defaults_are_those_of_the_gate() -> None:
    known = {parameter.opts[0].removeprefix("--"): parameter.default for parameter in gate.params}
    for name in ("policy", "level", "build"):
        assert ACTION["inputs"][name]["default"] == known[name]
    assert float(ACTION["inputs"]["time-limit"]["default"]) == known["time-limit"]
    assert ACTION["inputs"]["wait-rows"]["default"] == ""
    assert not isinstance(known["wait-rows"], float)
    assert known["policy"] in POLICIES
    assert known["level"] in list(Level)
    ages = [parameter.default for parameter in accept.params if "--max-age" in parameter.opts]
    assert ages == [ACTION["inputs"]["max-age"]["default"]]


def test_hostile_inputs_are_passed_on_and_secrets_are_not(tmp_path: Path) -> None:
    hostile = "$(touch pwned) `touch pwned` \"; touch pwned; ' --clean"
    inputs = {
        "backend-url": hostile,
        "free-model": "--read-only",
        "waive": f"I1=no 'test' account\n\nV3={hostile}",
        "database-url": "postgresql://me:geheim@db/x",
        "auth-token": "geheim",
    }
    done = judge(tmp_path, inputs, RECORDER)
    arguments = done.stdout.splitlines()
    assert done.returncode == 1
    assert arguments[:3] == ["gate", f"--backend-url={hostile}", "--free-model=--read-only"]
    assert [one for one in arguments if one.startswith("--waive")] == [
        "--waive=I1=no 'test' account",
        f"--waive=V3={hostile}",
    ]
    assert not {"--read-only", "--clean"} & set(arguments)
    assert not list(tmp_path.rglob("pwned"))
    assert "geheim" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["read-only", "clean"])
def test_switch_is_passed_on_only_when_it_is_true(name: str, tmp_path: Path) -> None:
    done = judge(tmp_path, {name: "true", "backend-url": "x"}, RECORDER)
    assert f"--{name}" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("url", "passed"),
    [
        ("https://Staging.example.com:8443", ["--allow-host=staging.example.com"]),
        ("http://[2001:db8::1]:3000", ["--allow-host=2001:db8::1"]),
        ("staging.example.com", []),
        ("http://[::1", []),
        ("", []),
    ],
)
def test_the_backend_of_the_workflow_is_allowed(url: str, passed: list[str], tmp_path: Path) -> None:
    done = judge(tmp_path, {"backend-url": url}, RECORDER)
    assert [one for one in done.stdout.splitlines() if one.startswith("--allow-host")] == passed
    assert done.stderr == ""


def test_misuse_is_the_exit_code_of_the_step(tmp_path: Path) -> None:
    done = judge(
        tmp_path, {"backend-url": "ftp://x", "database-url": "postgresql://127.0.0.1:1/x"}, harness_program()
    )
    assert done.returncode == 2
    assert not (tmp_path / "output").exists()


async def test_action_says_go_for_the_reference_and_leaves_its_reports(
    reference: GateOptions, tmp_path: Path
) -> None:
    inputs = {
        "backend-url": reference.backend_url,
        "database-url": reference.database_url,
        "free-model": reference.free_model,
        "auth-token": reference.token or "",
        "auth-email": reference.email or "",
        "level": "smoke",
    }
    done = await asyncio.to_thread(judge, tmp_path, inputs, harness_program())
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stdout
    assert (tmp_path / "output").read_text() == "verdict=GO\n"
    assert (tmp_path / "summary").read_text().startswith("## ✅ GO")
    reports = tmp_path / "work" / ACTION["inputs"]["reports"]["default"]
    assert {file.suffix for file in reports.iterdir()} == {".json", ".html", ".md", ".xml", ""}
    for file in reports.iterdir():
        assert (reference.token or "") not in file.read_text()
        assert (reference.email or "") not in file.read_text()
    assert json.loads((reports / "report.json").read_text())["verdict"] == "GO"
