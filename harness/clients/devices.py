"""Devices' ids as installations have them, usual and unusual, and how often ids derived from them coincide."""

import random
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Final

from harness.rollout.client_tables import DerivedId

LONG: Final = 10_000
"""Characters of the longest id drawn."""


def device_ids(derived: DerivedId, count: int, seed: int) -> list[str]:
    """So many devices' ids, the same for the same seed: most of the usual 64 hex digits, some of every odd shape."""
    chance = random.Random(seed)  # noqa: S311 - examples that can be drawn again, no secrets
    shapes = (
        "hex",
        "hex",
        "hex",
        "uuid",
        "ascii",
        "latin",
        "unicode",
        "astral",
        "surrogate",
        "long",
        "shared",
    )
    return [_drawn(derived, chance, shape) for shape in islice(cycle(shapes), count)]


def collision_odds(derived: DerivedId, installations: int) -> float:
    """At most this is the chance that any two of so many different machines derive the same id (birthday bound).

    Holds for ids that are as good as drawn evenly, which the leading bits of SHA-256 are taken to be.
    """
    ids = 16.0**derived.hex_digits
    return min(1.0, installations * (installations - 1) / 2 / ids)


def fleet(derived: DerivedId, seed: int, *, ordinary: int, shared: int) -> list[str]:
    """Devices' ids of a fleet: `ordinary` installations with one of their own, then `shared` ones of each shared id."""
    chance = random.Random(seed)  # noqa: S311 - examples that can be drawn again, no secrets
    return [_drawn(derived, chance, "hex") for _ in range(ordinary)] + [
        device_id for device_id in derived.shared for _ in range(shared)
    ]


def _drawn(derived: DerivedId, chance: random.Random, shape: str) -> str:
    if shape == "hex":
        return f"{chance.getrandbits(256):064x}"
    if shape == "uuid":
        digits = f"{chance.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    if shape == "shared":
        return chance.choice(derived.shared or ("",))
    if shape == "long":
        return _text(chance, range(0x20, 0x7F), 1) * LONG
    alphabet: Sequence[int] = {
        "ascii": range(0x80),
        "latin": range(0x80, 0x100),
        "unicode": range(0x100, 0xD800),
        "astral": range(0x10000, 0x110000),
        "surrogate": range(0xD800, 0xE000),  # lone, or paired by chance
    }[shape]
    return _text(chance, alphabet, chance.randint(1, 80))


def _text(chance: random.Random, alphabet: Sequence[int], length: int) -> str:
    return "".join(map(chr, chance.choices(alphabet, k=length)))
