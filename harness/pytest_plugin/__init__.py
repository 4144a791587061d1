"""The pytest plugin: a rollout's server, database, stage, backend and gate as fixtures of somebody's own tests.

It is loaded wherever the harness is installed, so it imports nothing of it until a fixture is used.
"""

from typing import Any, Final

import pytest

from harness.pytest_plugin.fixtures import (
    _rollout_templates,
    rollout,
    rollout_backend,
    rollout_database,
    rollout_gate,
    rollout_server,
    rollout_stage,
)
from harness.pytest_plugin.options import LEVELS, add_options, folder, given, refuse_misuse

__all__ = [  # pytest finds a plugin's fixtures among its names
    "_rollout_templates",
    "rollout",
    "rollout_backend",
    "rollout_database",
    "rollout_gate",
    "rollout_server",
    "rollout_stage",
]
_SHARED: Final = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--rollout-NAME` and `rollout_name`."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Refuses what does not fit before anything runs."""
    refuse_misuse(config)
    config.addinivalue_line("markers", "rollout_claim: a claim of the rollout, collected by --rollout-claims")
    if config.getoption("--rollout-claims") and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []  # neither testpaths nor the folder: claims alone


def pytest_report_header(config: pytest.Config) -> str:
    """Names what is judged."""
    named = f"{folder(config)}, " if folder(config) else ""
    target = given(config, "target") or "the reference"
    return f"rollout: {named}{target}, level {given(config, 'level') or LEVELS[0]}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of xdist where the one server of the run can be asked for."""
    from harness.library.share import SharedServer

    config = node.config
    if _SHARED not in config.stash:
        config.stash[_SHARED] = shared = SharedServer(given(config, "postgres") or "embedded")
        config.add_cleanup(shared.close)
    node.workerinput["rollout_server"] = config.stash[_SHARED].address


@pytest.hookimpl(tryfirst=True)  # before -k, -m and --lf choose
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Adds an item for each claim."""
    if config.getoption("--rollout-claims"):
        from harness.pytest_plugin.claims import add_items

        add_items(session, items)
