"""Signing what travels, and verifying it: DSSE envelopes with Ed25519 keys, by securesystemslib.

Keys come from files or the environment, never from the command line, where other users of a machine can read them.
Source: https://github.com/secure-systems-lab/dsse.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from msgspec import Struct
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error, VerificationError
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from harness.errors import UnavailableError, UsageError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
SIGNING_VARIABLE: Final = "HARNESS_SIGNING_KEY"
VERIFYING_VARIABLE: Final = "HARNESS_VERIFY_KEY"
ID_SHOWN: Final = 16
"""Digits of a key's id that people are shown."""
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----\n?", re.DOTALL)


class KeysDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.keys/1"):
    """A new pair of keys; neither of them is in it."""

    key: str
    """The first digits of the key's id, as reports show it."""
    private: str
    """The file that signs, and is a secret."""
    public: str
    """The file that verifies."""


class RefusedError(Exception):
    """What an envelope is refused for."""


def signers(files: Sequence[Path]) -> list[CryptoSigner]:
    """Private keys of files, or of HARNESS_SIGNING_KEY where none is named. Raises UsageError where there is none."""
    found = []
    for place, pem in _blocks(files, SIGNING_VARIABLE):
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: a password is needed
            raise UsageError(
                f"{place} holds no private key that can be read without a password; make one with harness keys new FILE"
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise UsageError(f"{place} holds a key that is not Ed25519; make one with harness keys new FILE")
        found.append(CryptoSigner(key))
    if not found:
        raise UsageError(
            "there is no key to sign with: name its file with --signing-key FILE, or put its text into "
            f"{SIGNING_VARIABLE}"
        )
    return found


def verifying_keys(files: Sequence[Path]) -> list[Key]:
    """Public keys of files, or of HARNESS_VERIFY_KEY where none is named; none where there is neither.

    Raises UsageError for a file that holds none.
    """
    found: list[Key] = []
    for place, pem in _blocks(files, VERIFYING_VARIABLE):
        if b"PRIVATE" in pem.partition(b"\n")[0]:
            raise UsageError(
                f"{place} holds a private key, which nobody but the signer may have; give the public one, FILE.pub"
            )
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            raise UsageError(
                f"{place} holds no public key in PEM; harness keys new FILE makes FILE.pub"
            ) from None
        if not isinstance(key, Ed25519PublicKey):
            raise UsageError(f"{place} holds a key that is not Ed25519; harness keys new FILE makes FILE.pub")
        found.append(SSlibKey.from_crypto(key))
    return found


def _blocks(files: Sequence[Path], variable: str) -> list[tuple[str, bytes]]:
    """Each PEM block with where it is from; several may follow each other in one place."""
    texts: dict[str, str] = {}
    for file in files:
        try:
            texts[str(file)] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the key {file}: {error}; name a file in PEM") from None
    if not files and os.environ.get(variable, "").strip():
        texts[variable] = os.environ[variable]
    found: list[tuple[str, bytes]] = []
    for place, text in texts.items():
        blocks = [(place, match[0].encode()) for match in _PEM.finditer(text)]
        if not blocks:
            raise UsageError(
                f"{place} holds no key in PEM (-----BEGIN ...); make one with harness keys new FILE"
            )
        found += blocks
    return found


def sign(statement: Mapping[str, Any], keys: Sequence[CryptoSigner]) -> str:
    """The envelope as JSON text: one signature for each key, so that an old and a new one may overlap."""
    envelope = Envelope(json.dumps(statement).encode(), PAYLOAD_TYPE, {})
    for key in keys:
        envelope.sign(key)
    return json.dumps(envelope.to_dict(), indent=1) + "\n"


def is_envelope(document: object) -> bool:
    """Whether a document looks like one."""
    return isinstance(document, dict) and "payloadType" in document


def open_envelope(document: Any, keys: Sequence[Key] | None) -> tuple[bytes, str]:
    """What an envelope holds, and the id of a key that has signed it; without `keys` nobody is asked.

    Raises RefusedError for what is damaged, and for a signature of none of the keys.
    """
    try:
        envelope = Envelope.from_dict(document)
        ids = [signature.keyid[:ID_SHOWN] for signature in envelope.signatures.values()]
    except (KeyError, TypeError, ValueError, AttributeError, Error) as error:
        raise RefusedError(f"its envelope is damaged: {error!r}") from None
    if envelope.payload_type != PAYLOAD_TYPE:
        raise RefusedError(f"its envelope holds {envelope.payload_type!r}, not {PAYLOAD_TYPE}")
    if keys is None:
        return envelope.payload, ""
    try:
        accepted = envelope.verify(list(keys), 1)
    except VerificationError:
        given = [key.keyid for key in keys]
        if any(signature in given for signature in envelope.signatures):
            raise RefusedError(
                "its signature does not fit what it holds: it was changed after it was signed"
            ) from None
        known = ", ".join(keyid[:ID_SHOWN] for keyid in given)
        raise RefusedError(
            f"it is signed by {', '.join(ids) or 'nobody'}, and the keys given are {known}: another key, or one that "
            "was rotated out"
        ) from None
    return envelope.payload, next(iter(accepted))[:ID_SHOWN]


def new_keys(file: Path) -> str:
    """Makes a pair: FILE, which only its owner may read, and FILE.pub; returns its id.

    Raises UsageError where one of them is there already, UnavailableError where they cannot be written.
    """
    public = Path(f"{file}.pub")
    for path in (file, public):
        if path.exists():
            raise UsageError(f"{path} is there already, and a key is never overwritten; name another file")
    private = Ed25519PrivateKey.generate()
    signer = CryptoSigner(private)
    key = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123
            out.write(signer.private_bytes)
        with public.open("xb") as out:
            out.write(key)
    except OSError as error:
        raise UnavailableError(
            f"cannot write the key: {error}; name a file in a folder that you may write"
        ) from None
    return signer.public_key.keyid[:ID_SHOWN]
