"""What `harness accept` does: whether a stored verdict lets a release go on, without a backend and a database.

A verdict is believed as far as it can be recomputed: its verdict from its claims, its claims from the harness's own
list, its statement from its report. What cannot be recomputed is the signature's to vouch for.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from harness.errors import UsageError
from harness.report.attestation import REPORT_FIELD, differences
from harness.report.document import Report, from_json, parsed
from harness.run.accept_wanted import Wanted, age_of
from harness.run.options.accept import AcceptOptions
from harness.run.report_reading import faults_of
from harness.run.signing import RefusedError, is_envelope, open_envelope, verifying_keys


class AcceptDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.accept/1"):
    """Whether a verdict is accepted; written to the file that --json names."""

    accepted: bool
    signed_by: str | None
    """The first digits of the id of the key that has signed; null where no signature was asked for."""
    unsigned: bool
    """Whether --unsigned was given: nobody vouches for it."""
    reasons: tuple[str, ...]
    """Why it is refused; none where it is accepted."""


class Acceptance(NamedTuple):
    """Whether a verdict is accepted, and each reason why it is not."""

    reasons: tuple[str, ...]
    report: Report | None
    """None where there is none that could be read."""
    signer: str
    """The id of the key that has signed; empty where no signature was asked for."""
    age: timedelta | None

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


def accept(options: AcceptOptions, now: datetime | None = None) -> Acceptance:
    """Reads and judges a stored verdict, by the clock of this machine unless another time is given.

    Raises UsageError for a file or key that cannot be read, and for what is asked for but cannot be said.
    """
    now = now or datetime.now(UTC)
    if options.unsigned and options.keys:
        raise UsageError("--key and --unsigned contradict each other; leave one out")
    keys = None if options.unsigned else verifying_keys(options.keys)
    if keys == []:
        raise UsageError(
            "nobody vouches for the file: name the public key of the pipeline that signed it with --key FILE, or put "
            "its text into HARNESS_VERIFY_KEY; --unsigned goes without"
        )
    wanted = Wanted.of(options)
    text = _read(options.file)
    try:
        report, signer = _open(text, keys)
        faults = tuple(faults_of(report))
    except (RefusedError, UsageError) as error:
        return Acceptance((str(error),), None, "", None)
    if faults:
        return Acceptance(
            tuple(f"it does not hold together: {fault}" for fault in faults), report, signer, None
        )
    reasons = tuple(wanted.misfits(report, now))
    return Acceptance(reasons, report, signer, age_of(report, now))


def _read(file: Path) -> str:
    name = "standard input" if str(file) == "-" else str(file)
    try:
        return sys.stdin.buffer.read().decode() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot read {name}: {problem}; name a file that harness gate --sign has written"
        ) from None


def _open(text: str, keys: Any) -> tuple[Report, str]:
    """The report and who has signed it. Raises RefusedError, or UsageError of the report's own reader."""
    document = _parsed(text)
    if not is_envelope(document):
        if keys is not None:
            raise RefusedError("it is not signed: it is no envelope, as harness gate --sign writes it")
        return from_json(text), ""
    payload, signer = open_envelope(document, keys)
    statement = _parsed(payload)
    predicate = statement.get("predicate") if isinstance(statement, dict) else None
    if not isinstance(predicate, dict) or REPORT_FIELD not in predicate:
        raise RefusedError(f"its statement holds no {REPORT_FIELD}; harness gate --sign writes one")
    report = from_json(json.dumps(predicate[REPORT_FIELD]))
    if wrong := differences(statement, report):
        raise RefusedError(f"its statement says something else than the report in it: {wrong}")
    return report, signer


def _parsed(text: str | bytes) -> Any:
    try:
        return parsed(text)
    except ValueError as error:
        raise RefusedError(f"it is no JSON, or was cut: {error}") from None
