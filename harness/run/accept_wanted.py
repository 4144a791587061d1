"""What a verdict must fit for a release to go on, and why one does not: target, build, rollout, level, age, waivers."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from harness.errors import UsageError
from harness.report.attestation import build_name, named_build
from harness.report.document import Report
from harness.report.phrases import is_waived
from harness.rule.level import Level
from harness.rule.policy import policy_of
from harness.run.gate_claims import WITHOUT, claims_of
from harness.run.options.accept import AcceptOptions
from harness.run.report_reading import is_of_another
from harness.verdict import Verdict

UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

AHEAD_MAX: Final = timedelta(minutes=5)
"""How far the clock of the machine that judged may be ahead of this one's."""

PORTS: Final = {"http": 80, "https": 443}

EXPECTED: Final = ", expected to be build"
"""What follows the URL in a report's target."""


class Wanted(NamedTuple):
    """What a verdict must fit."""

    target: str
    deployed: str
    rollout: str
    """Its digest; empty for the plan's own, or its later revision."""
    asked: frozenset[str] | None
    """Claims that its folder asks for; None where no folder is given."""
    level: Level | None
    age_max: timedelta
    waivers: frozenset[str]

    @classmethod
    def of(cls, options: AcceptOptions) -> "Wanted":
        deployed = named_build(options.deployed) if options.deployed else ""
        target = _site(options.target) if options.target else ""
        if target is None:
            raise UsageError(f"--target {options.target!r} is no http:// or https:// URL without a path")
        rollout, asked = _rollout(options.rollout) if options.rollout else ("", None)
        return cls(
            target,
            deployed,
            rollout,
            asked,
            options.level,
            _duration(options.max_age),
            options.allowed_waivers,
        )

    def misfits(self, report: Report, now: datetime) -> Iterator[str]:
        """What of a report that holds together is not as it must be, a line each."""
        yield from _unfit(report)
        if report.verdict is not Verdict.GO:
            yield f"its verdict is {report.verdict}"
        yield from self._other(report)
        yield from self._old(report, now)
        for judgement in report.judgements:
            if is_waived(judgement) and judgement.id not in self.waivers:
                yield f"{judgement.id} is unknown and waived ({judgement.waived}), and --allow-waiver does not name it"

    def _other(self, report: Report) -> Iterator[str]:
        judged = report.target.partition(EXPECTED)[0]
        if self.target and _site(judged) != self.target:
            yield f"it judged {judged or 'the reference'}, not {self.target}"
        build = report.deployed.build if report.deployed else "no build that anybody named"
        if self.deployed and build != self.deployed:
            yield f"it judged {build}, not {self.deployed}"
        if self.rollout and report.rollout != self.rollout:
            yield f"it judged the rollout {report.rollout or 'without a digest'}, not {self.rollout}"
        elif is_of_another(report):
            yield from self._left_out(report)
        levels = list(Level)
        if self.level and levels.index(Level(report.level)) < levels.index(self.level):
            yield f"its level is {report.level}, below {self.level}"

    def _left_out(self, report: Report) -> Iterator[str]:
        """What of another rollout was not judged, though its file asks for it."""
        if not self.rollout:
            yield (
                f"it is of rollout {report.policy}, whose file says what is asked: name its folder with --rollout, or "
                "its digest where the signature is enough"
            )
        judged = {judgement.id for judgement in report.judgements}
        if self.asked is not None and (missing := sorted(self.asked - judged)):
            yield f"it did not judge {' '.join(missing)}, which its rollout's file asks for"

    def _old(self, report: Report, now: datetime) -> Iterator[str]:
        age = age_of(report, now)
        if age is None:
            yield f"it does not say when it was: {report.started!r} is no time with its zone"
        elif age < -AHEAD_MAX:
            yield f"it is of the future: {report.started}; set the clock of that machine or of this one"
        elif age > self.age_max:
            yield f"it is {shown_age(age)} old, and {shown_age(self.age_max)} are allowed: judge again"


def _unfit(report: Report) -> Iterator[str]:
    """What is no verdict on a deployed backend, however good it is."""
    if report.shard is not None:
        yield f"it is of shard {report.shard.number}/{report.shard.of} alone; harness report merge makes a verdict"
    if report.judged_by is None:
        yield "it is of the first edition, which kept no list of what it was judged by; judge again"
    elif report.judged_by.command != "gate":
        yield f"it is of harness {report.judged_by.command}, which judges no deployed backend"
    elif build := [
        word for word in report.judged_by.scope if not word.startswith(WITHOUT) and word != "after"
    ]:
        yield f"it judged the build {' '.join(build)}, which has no part of the change"


def age_of(report: Report, now: datetime) -> timedelta | None:
    try:
        started = datetime.fromisoformat(report.started)
        return now - started
    except (ValueError, TypeError, OverflowError):  # TypeError: it has no zone
        return None


def shown_age(age: timedelta) -> str:
    """A duration in its largest unit: `2.5 h`."""
    seconds = age.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds >= UNITS_S[unit]:
            return f"{seconds / UNITS_S[unit]:.3g} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})\s*([smhd])", text.strip())
    if match is None:
        raise UsageError(f"--max-age {text!r} is no age; give a number with s, m, h or d, for example 24h")
    return timedelta(seconds=int(match[1]) * UNITS_S[match[2]])


def _site(url: str) -> str | None:
    """A URL's scheme, host and port, as they are compared; None for what is no URL of a site."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    if port is None or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if PORTS[parts.scheme] == port else f":{port}")


def _rollout(text: str) -> tuple[str, frozenset[str] | None]:
    """The digest of a folder with the claims that it asks for, or the digest that is given. Raises UsageError."""
    if text.startswith("sha256:"):
        if build_name(text) is None:
            raise UsageError(f"--rollout {text!r} is no digest: sha256: and 64 hexadecimal digits")
        return text.lower(), None
    from harness.rollout import load_rollout
    from harness.rollout.digest import rollout_digest

    rollout = load_rollout(Path(text))
    asked = claims_of("after", policy_of(rollout).name, rollout)
    return rollout_digest(rollout), frozenset(claim.id for claim in asked)
