"""The commands of a verdict that travels: accept one that another pipeline has stored, and make the keys for it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.cli.command import command
from harness.cli.streams import plain, print_document, print_line
from harness.errors import UnavailableError
from harness.run.options.accept import AcceptOptions, NewKeysOptions
from harness.run.options.shared import SUMMARY_VARIABLE, check_writable

if TYPE_CHECKING:
    from harness.run.accept import Acceptance

NOBODY: Final = "UNSIGNED, nobody vouches for it"


@command(good="accepted", bad="refused")
def accept(options: AcceptOptions) -> int:
    """Says whether a release may go on by the verdict in FILE, which harness gate --sign has stored; - is standard
    input. Reaches no backend, no database and no network.

    It is accepted if a key given has signed it, it holds together, its verdict follows from its findings and is GO, the
    claims that the gate must judge are there, and it fits what is asked for. Every reason against it is printed. A call
    with neither a key nor --unsigned is wrong.

    Example: harness accept verdict.json --key gate.pub --target https://api.example.com --deployed $SHA --level
    standard --max-age 24h
    """
    from harness.run.accept import accept

    check_writable([] if options.json is None else [options.json])
    found = accept(options)
    lines = [f"refused: {reason}" for reason in found.reasons] or [f"accepted: {_about(found)}"]
    if options.unsigned:
        lines = [f"{line} ({NOBODY})" for line in lines]
    for line in lines:
        print_line(plain(line))
    _write(options, found, lines)
    return 0 if found.accepted else 1


def _about(found: "Acceptance") -> str:
    from harness.run.accept_wanted import shown_age

    report = found.report
    assert report is not None
    assert found.age is not None
    parts = [
        report.target,
        f"deployed {report.deployed.build}" if report.deployed else "",
        f"level {report.level}",
        f"{shown_age(found.age)} old",
        f"signed by {found.signer}" if found.signer else "",
    ]
    return f"{report.verdict}; {', '.join(filter(None, parts))}"


def _write(options: AcceptOptions, found: "Acceptance", lines: list[str]) -> None:
    """The decision as JSON, and on the page of a CI job."""
    from harness.cli.streams import document_text
    from harness.run.accept import AcceptDocument

    decision = AcceptDocument(
        accepted=found.accepted,
        signed_by=found.signer or None,
        unsigned=options.unsigned,
        reasons=tuple(plain(reason) for reason in found.reasons),
    )
    summary = os.environ.get(SUMMARY_VARIABLE)
    try:
        if options.json is not None:
            options.json.write_text(document_text(decision) + "\n", encoding="utf-8")
        if summary:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write("".join(f"    {plain(line)}\n" for line in lines) + "\n")
    except OSError as error:
        raise UnavailableError(
            f"cannot write what was decided: {error}; make room, or name another file"
        ) from None


@command(good="both are written")
def keys_new(options: NewKeysOptions) -> int:
    """Makes a pair of Ed25519 keys: FILE, which signs and only its owner may read, and FILE.pub, which verifies.

    The private one goes into the secrets of the pipeline that runs harness gate --sign, the public one into the
    repository of the pipeline that runs harness accept. To rotate: sign with both, give both to accept, then take the
    old one away from each. A file that is there already is never overwritten.

    Example: harness keys new gate
    """
    from harness.run.signing import KeysDocument, new_keys

    key = new_keys(options.file)
    if options.json_output:
        print_document(KeysDocument(key=key, private=str(options.file), public=f"{options.file}.pub"))
        return 0
    print_line(f"key {key}: {options.file} signs, and is a secret; {options.file}.pub verifies")
    return 0
