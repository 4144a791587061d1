"""The rollout that somebody's backend is judged by: its file, its parameters, its rule, and what stays secret."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from harness.clients.extra_headers import ExtraHeaders
from harness.clients.filled_text import Parameters
from harness.clients.request_spec import RequestSpec
from harness.data import policy_folder
from harness.database.asked_claims import asked_of, not_asked_of
from harness.database.declared import DeclaredStore, declared_store
from harness.errors import UsageError
from harness.probing.probe_factory import Caller
from harness.rollout import Rollout, is_plans, load_rollout
from harness.rollout.checking import PLACEHOLDER
from harness.rollout.tables import FILLED_IN
from harness.rule.policy import POLICIES, Policy, policy_of
from harness.run.gate_claims import WITHOUT

SETS: Final = "--set"


@dataclass(frozen=True)
class UnderTest:
    """One rollout with what a site's parameters are."""

    rollout: Rollout
    policy: Policy
    parameters: Parameters
    written_headers: tuple[str, ...] = ()

    @cached_property
    def spec(self) -> RequestSpec:
        """What its requests look like."""
        return RequestSpec(self.rollout)

    @cached_property
    def store(self) -> DeclaredStore:
        """What its file declares of the database."""
        return declared_store(self.rollout)

    @property
    def is_plans(self) -> bool:
        """Whether it is the plan's, in one of its revisions: what is known of that alone applies."""
        return self.policy in POLICIES.values()

    @cached_property
    def given(self) -> ExtraHeaders:
        """What goes with every request; no report holds a value of it, nor that of a secret parameter."""
        secrets = (self.parameters[name] for name in secret_names(self.rollout) if name in self.parameters)
        return ExtraHeaders.read(self.written_headers, self.spec, tuple(secrets))

    def caller(self, build: str) -> Caller:
        """Who sends requests to a build. Raises UsageError where a parameter of every request has no value."""
        check_needed(self.rollout, self.parameters)
        return Caller(self.spec, self.policy, build, self.parameters, self.given.size)

    @property
    def options(self) -> str:
        """What names the rollout and its parameters in a line to copy; a secret is left to its variable or a file."""
        if self.is_plans:
            return f"--free-model {shlex.quote(self.parameters.get('model', ''))} --policy {self.policy.name}"
        words = ["--rollout", shlex.quote(str(self.rollout.folders[0]))]
        for name, table in self.rollout.tables.parameter.items():
            value = self.parameters.get(name)
            if table.secret and value is not None and not table.env:
                words += [SETS, f"{name}=@{name}.txt"]
            elif not table.secret and value not in (None, table.default):
                words += [SETS, shlex.quote(f"{name}={value}")]
        return " ".join(words)

    def scope(self, required: Sequence[str]) -> tuple[str, ...]:
        """Which of these claims do not apply, as a report's scope says it; the plan's own rollout has all."""
        if self.is_plans:
            return ()
        applying = frozenset(asked_of(self.rollout))
        return tuple(f"{WITHOUT}{claim}" for claim in required if claim not in applying)

    def remarks(self, required: Sequence[str]) -> list[str]:
        """Which of these claims do not apply to the rollout, with the reasons, in one line; none where all do."""
        found = [
            (reason, [claim for claim in ids if claim in required])
            for ids, reason in not_asked_of(self.rollout)
        ]
        told = [f"{', '.join(ids)} ({reason})" for reason, ids in found if ids]
        return [f"not asked of rollout {self.rollout.name}: {'; '.join(told)}"] if told else []


def under_test(
    folder: Path | None,
    policy: str,
    settings: Sequence[str],
    options: Mapping[str, str | None],
    headers: tuple[str, ...] = (),
) -> UnderTest:
    """The rollout of a folder, or the plan's in the revision of a policy.

    `settings` are NAME=VALUE or NAME=@FILE, `options` values that options of their own give, by the parameter's name.
    Raises UsageError for a folder, a file or a parameter that is none.
    """
    rollout = load_rollout(folder or policy_folder(policy))
    known = {policy_folder(name).resolve(): found for name, found in POLICIES.items()}
    own = known.get(rollout.folders[0].resolve()) or policy_of(rollout)
    return UnderTest(rollout, own, parameters_of(rollout, settings, options), headers)


def parameters_of(
    rollout: Rollout, settings: Sequence[str], options: Mapping[str, str | None]
) -> dict[str, str]:
    """The value of each parameter: as set, as an option gives it, from its variable, or its default."""
    declared = rollout.tables.parameter
    found = {name: table.default for name, table in declared.items() if table.default is not None}
    for name, table in declared.items():
        if table.env and os.environ.get(table.env, "").strip():
            found[name] = os.environ[table.env].strip()
    found |= {name: value for name, value in options.items() if value is not None and name in declared}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"{SETS} {name!r} gives no value; write {SETS} NAME=VALUE or {SETS} NAME=@FILE")
        if name not in declared:
            names = ", ".join(declared) or "none"
            raise UsageError(f"{SETS} {name}: rollout {rollout.name} has no such parameter; it has {names}")
        if value.startswith("@"):
            found[name] = _file_text(name, Path(value[1:]))
        elif declared[name].secret:
            variable = f"; or set {declared[name].env}" if declared[name].env else ""
            raise UsageError(
                f"{SETS} {name}=... is a secret, and other users of this machine read command lines; write it into a "
                f"file and give {SETS} {name}=@FILE{variable}"
            )
        else:
            found[name] = value
    return found


def secret_names(rollout: Rollout) -> tuple[str, ...]:
    """The parameters whose values nobody is to read."""
    return tuple(name for name, table in rollout.tables.parameter.items() if table.secret)


def check_needed(rollout: Rollout, parameters: Parameters) -> None:
    """Raises UsageError for a parameter that every request needs and that has no value."""
    for name in lacking(rollout, parameters):
        table = rollout.tables.parameter[name]
        variable = f" or {table.env}" if table.env else ""
        about = f" ({table.help})" if table.help else ""
        told = f"; the reference has {table.reference}" if table.reference else ""
        option = f"--free-model or {SETS}" if is_plans(rollout) and name == "model" else SETS
        raise UsageError(
            f"parameter {name}{about} has no value, and is not guessed; give it with {option} {name}=VALUE"
            f"{variable}{told}"
        )


def lacking(rollout: Rollout, parameters: Parameters) -> Iterator[str]:
    """The parameters without a value that every request needs: of a body, a header, the caller."""
    tables = rollout.tables
    request, usual = tables.request, tables.identity[0]
    texts = [rollout.text(name) for name in (*request.bodies, *request.refused)]
    texts += [value for values in request.headers.values() for value in values]
    texts += [usual.auth or "", *usual.headers.values()]
    for name in dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text)):
        if name not in parameters and name not in FILLED_IN:
            yield name


def _file_text(name: str, file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{SETS} {name}=@{file}: the file cannot be read: {reason}") from None
    if not text:
        raise UsageError(f"{SETS} {name}=@{file}: the file is empty")
    return text
