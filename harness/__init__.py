"""Proves that one header, one column and one index can be rolled out backend first.

What a user imports is here, and loaded when it is first used: importing starts nothing and is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from harness.checks.user_checks import user_check as check
    from harness.database.server import running_server as postgres
    from harness.errors import UnavailableError, UsageError
    from harness.library.gate import gate
    from harness.library.rule import stored
    from harness.library.stage import RunningStage, Sent, stage
    from harness.library.strategies import header_values, headers
    from harness.report.document import Report
    from harness.rollout import Rollout, load_rollout
    from harness.sut.observation import Observation, Row
    from harness.verdict import Finding, Status, Verdict

__all__ = [
    "Finding",
    "Observation",
    "Report",
    "Rollout",
    "Row",
    "RunningStage",
    "Sent",
    "Status",
    "UnavailableError",
    "UsageError",
    "Verdict",
    "check",
    "gate",
    "header_values",
    "headers",
    "load_rollout",
    "postgres",
    "stage",
    "stored",
]

_PLACES: Final = {
    "Finding": "harness.verdict:Finding",
    "Observation": "harness.sut.observation:Observation",
    "Report": "harness.report.document:Report",
    "Rollout": "harness.rollout:Rollout",
    "Row": "harness.sut.observation:Row",
    "RunningStage": "harness.library.stage:RunningStage",
    "Sent": "harness.library.stage:Sent",
    "Status": "harness.verdict:Status",
    "UnavailableError": "harness.errors:UnavailableError",
    "UsageError": "harness.errors:UsageError",
    "Verdict": "harness.verdict:Verdict",
    "check": "harness.checks.user_checks:user_check",
    "gate": "harness.library.gate:gate",
    "header_values": "harness.library.strategies:header_values",
    "headers": "harness.library.strategies:headers",
    "load_rollout": "harness.rollout:load_rollout",
    "postgres": "harness.database.server:running_server",
    "stage": "harness.library.stage:stage",
    "stored": "harness.library.rule:stored",
}


def __getattr__(name: str) -> Any:
    """A public name, imported now. Raises AttributeError for any other."""
    if name not in _PLACES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
