"""What `harness gate --sign` adds to a finished report: its verdict as a signed file for another pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.errors import UnavailableError, UsageError
from harness.report.attestation import statement_of
from harness.report.document import Report
from harness.run.options.gate import GateOptions, SigningOptions
from harness.run.options.shared import check_writable

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner


def check_signing(signing: SigningOptions, options: GateOptions | None = None) -> "Sequence[CryptoSigner]":
    """The keys; none where nothing is signed. Raises UsageError before the work for what could not be signed after.

    `options` are those of a gate that will run; None where a report is there already, which names its build or not.
    """
    if signing.sign is None:
        if signing.keys:
            raise UsageError("--signing-key signs nothing without --sign FILE; add it, or leave the key out")
        return ()
    if options is not None and not options.deployed and not options.deployed_from:
        raise UsageError(
            "--sign needs --deployed SHA or --deployed-from: a verdict that travels says of which build"
        )
    file = signing.sign
    check_writable([file])
    from harness.run.signing import signers

    keys = signers(signing.keys)
    if options is None or not options.dry_run:
        file.unlink(missing_ok=True)  # a run that fails leaves no verdict of an earlier one behind
    return keys


def sign_report(report: Report, file: Path, keys: "Sequence[CryptoSigner]", label: str = "") -> str:
    """Writes the envelope and says so in a line; a verdict whose build nobody could name is not signed.

    Raises UnavailableError where it cannot be written.
    """
    from harness.run.signing import ID_SHOWN, sign

    if report.deployed is None:
        file.unlink(missing_ok=True)
        return "not signed: nobody said which build it is"
    statement = statement_of(replace(report, label=label.strip() or report.label), report.deployed)
    try:
        file.write_text(sign(statement, keys), encoding="utf-8")
    except OSError as error:
        raise UnavailableError(
            f"cannot write the signed verdict: {error}; make room, or name another file"
        ) from None
    return f"signed by {', '.join(key.public_key.keyid[:ID_SHOWN] for key in keys)}: {file}"
