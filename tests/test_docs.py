"""The pages of docs/ and README: each block runs as it stands, what it shows is what it prints, figures aside.

A block after `<!-- elsewhere: WHY -->` needs something that is not here: its lines are parsed by our command line.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import click
import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

import harness
from harness.cli import app
from tests import reference

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
ELSEWHERE_MAX: Final = 12
BLOCK_S_MAX: Final = 600
LEFT_OUT: Final = "[...]"


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    elsewhere: str
    """Why it cannot run here; empty where it can."""

    @property
    def name(self) -> str:
        """As an id of pytest."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def tokens(page: Path) -> list[Token]:
    """A page as it is parsed."""
    return MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))


def blocks(*languages: str) -> Iterator[Block]:
    for page in PAGES:
        elsewhere = ""
        for token in tokens(page):
            if token.type == "html_block" and (found := re.search(r"elsewhere: (.*?) *-->", token.content)):
                elsewhere = found[1]
            elif token.type == "fence" and token.map is not None:
                language = (token.info.split() or [""])[0]
                if language in languages:
                    yield Block(page, token.map[0] + 1, language, token.content, elsewhere)
                elsewhere = ""


HERE: Final = [block for block in blocks("python") if not block.elsewhere]
CONSOLE: Final = [block for block in blocks("console") if not block.elsewhere]
ELSEWHERE: Final = [block for block in blocks("console", "yaml", "python", "bash") if block.elsewhere]


@pytest.mark.docs
@pytest.mark.parametrize("block", HERE, ids=lambda block: block.name)
def test_a_python_block_runs(block: Block, tmp_path: Path) -> None:
    script = tmp_path / "test_block.py"
    script.write_text(block.text, encoding="utf-8")
    has_tests = "\ndef test_" in block.text
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if has_tests else []
    ended = subprocess.run(
        [sys.executable, *command, str(script)],
        cwd=tmp_path,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.docs
@pytest.mark.parametrize("page", sorted({block.page for block in CONSOLE}), ids=lambda page: page.name)
def test_console_blocks_of_a_page_print_what_they_show(page: Path, tmp_path: Path) -> None:
    """In one folder, beside docs/, in the order of the page, by one shell."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = [command for block in CONSOLE if block.page == page for command in commands(block.text)]
    program = [f'harness() {{ {shlex.quote(sys.executable)} -m harness "$@"; }}']
    program += [f"{line}\nstatus=$?; echo {MARK}; (exit $status)" for line, _ in shown]
    ended = subprocess.run(
        ["bash", "-c", "\n".join(program)],
        cwd=tmp_path,
        env=os.environ
        | {"XDG_STATE_HOME": str(tmp_path), "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=BLOCK_S_MAX,
    )
    printed = ended.stdout.split(f"{MARK}\n")
    assert len(printed) == len(shown) + 1, ended.stderr
    for (line, expected), got in zip(shown, printed[:-1], strict=True):
        pattern = as_pattern(expected)
        assert re.fullmatch(pattern, figureless(got)), f"$ {line}\n{got}\nis not\n{expected}\n{ended.stderr}"


MARK: Final = "--- end of a command ---"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a block with what is shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def figureless(text: str) -> str:
    """The text with each figure, address and blank run as one; ids of rows and finds among them."""
    text = re.sub(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b", "0", text)
    return re.sub(r"[0-9][0-9,.]*", "0", re.sub(r"[ \t]+", " ", text)).strip()


def as_pattern(shown: str) -> str:
    """What is shown as an expression over what is printed: `[...]` is anything."""
    whole = re.sub(r"\.\.\.$", LEFT_OUT, shown, flags=re.MULTILINE)  # a line that is cut
    parts = [re.escape(part.strip()) for part in figureless(whole).split(LEFT_OUT)]
    return r"(?s:\s*.*?\s*)".join(parts) if shown.strip() else r"(?s:.*)"


def test_few_blocks_need_something_that_is_not_here() -> None:
    assert len(ELSEWHERE) <= ELSEWHERE_MAX


@pytest.mark.parametrize("block", ELSEWHERE, ids=lambda block: block.name)
def test_what_runs_elsewhere_is_well_formed(block: Block) -> None:
    if block.language == "yaml":
        assert list(yaml.safe_load_all(block.text))
    for line in re.findall(r"^\s*(?:\$ |- |run: )?(?:.*&& )?harness ([^|&;\n]*)", block.text, re.MULTILINE):
        assert_parses(shlex.split(line))


def assert_parses(words: list[str]) -> None:
    """Our command line takes these words; nothing is run."""
    group: click.Command = app
    context = click.Context(app)
    while isinstance(group, click.Group):
        _, found, rest = group.resolve_command(context, words)
        assert found is not None, words
        group, words = found, rest
    group.make_context(group.name, words)


def test_the_page_names_all_that_is_imported() -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    headings = "\n".join(line for line in page.splitlines() if line.startswith("###"))
    assert sorted(re.findall(r"`(\w+)`", headings)) == sorted(harness.__all__)


@pytest.mark.parametrize("page", reference.PAGES)
def test_reference_pages_are_what_the_code_says(page: str) -> None:
    stored = (reference.FOLDER / page).read_text(encoding="utf-8")
    assert stored == reference.PAGES[page](), "python -m tests.reference writes it anew"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#:]+)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
            there = page.parent / target
            assert there.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(there), f"{page.name}: {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """What GitHub names the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_option_that_a_page_names_exists(tmp_path: Path) -> None:
    context = click.Context(app)
    alone = os.environ | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
    }  # it is not named twice where it is installed
    helped = [sys.executable, "-m", "pytest", "-p", "harness.pytest_plugin", "--help"]
    told = subprocess.run(helped, cwd=tmp_path, env=alone, capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", told))  # pytest's and the plugin's
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert command is not None
        known |= {word for parameter in command.get_params(context) for word in parameter.opts}
        known |= {word for parameter in command.get_params(context) for word in parameter.secondary_opts}
    for page in PAGES:
        for code in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", code):
                assert option in known, f"{page.name}: {option}"
    plugins = {option for option in known if option.startswith("--rollout-")}
    described = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    assert plugins == set(re.findall(r"--rollout-[a-z-]*[a-z]", described))
