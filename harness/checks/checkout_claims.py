"""What is asked of the plan's files in two checkouts. Pure, and light: a stored report is read by it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from harness import plan
from harness.rollout.claims import worded
from harness.rollout.identities import stores_header
from harness.rollout.tables import Tables
from harness.verdict import Claim

BACKEND: Final = "backend"
"""In a report's scope: the backend's checkout was judged."""
CLIENT: Final = "extension"
"""The same of the extension's."""

MIGRATIONS: Final = "F1"
SCHEMA: Final = "F2"
ROUTE: Final = "F3"
INSERT: Final = "F4"

BACKEND_CLAIMS: Final = (
    Claim(
        MIGRATIONS,
        "The migrations bring a database, empty or as it stands, to the declared column, and no other index.",
        "",
        "",
        least=2,
    ),
    Claim(SCHEMA, "schema.ts declares the column and the index as the rollout makes them.", "", ""),
    Claim(
        ROUTE,
        "The route's handler reads the header, and what is accounted for has its value.",
        "",
        "",
    ),
    Claim(
        INSERT,
        "From there the value goes on, through every function, object and type, into the row.",
        "",
        "",
        least=2,
    ),
)
"""What is asked of a backend's checkout, a claim for each file of the plan."""

OPTIONS: Final = "F7"
OPTIONS_CLAIM: Final = Claim(OPTIONS, "The type of the handler's options declares the id.", "", "")
BUILT: Final = "F8"
BUILT_CLAIM: Final = Claim(BUILT, "Where handlers are built, the id is fetched and handed on.", "", "")
CLIENT_IDS: Final = ("E1", "E2", "E5", "E9", "E10", "E11", "E12")
"""What is asked of an extension's checkout: what our copies of its files are held to, as the plan has them."""

HANDLER_CLAIMS: Final = ("V1", "V2", "V3", "V4", "V5", "I1", "I2", "R1")
"""What is asked of the backend's handler when it is run: what the gate asks of a deployed one's rows and replies."""

IDENTITY: Final = "I1"
VALUE_CLAIMS: Final = ("V1", "V2", "V3", "V5")
"""Those of them that are about the value alone."""

ONE_CODE: Final = {"E2": 7}
"""Fewest observations where one version of the code is run, and not the plan's beside the corrected one."""


def _of_handler(tables: Tables) -> tuple[str, ...]:
    """Those that apply: I1 where the rows of an identity hold a value of their own, whatever is sent."""
    own = any(not stores_header(identity) for identity in tables.identity)
    return tuple(claim for claim in HANDLER_CLAIMS if claim != IDENTITY or own)


def claims_of(scope: Sequence[str], tables: Tables) -> tuple[Claim, ...]:
    """What must be proven of the checkouts in the scope, with the quotes and sections of a rollout's plan."""
    client = (*plan.EXTENSION_CLAIMS, *(claim for claim, _, _ in plan.EXTENSION_AUDIT))
    asked = [
        *(BACKEND_CLAIMS if BACKEND in scope else ()),
        *(claim for claim in plan.CLAIMS if BACKEND in scope and claim.id in _of_handler(tables)),
        *((OPTIONS_CLAIM, BUILT_CLAIM) if CLIENT in scope else ()),
        *(claim for claim in client if CLIENT in scope and claim.id in (*CLIENT_IDS, "E8")),
    ]
    found = (worded(claim, tables) for claim in asked)
    return tuple(
        replace(claim, least=ONE_CODE.get(claim.id, claim.least)) if claim.id in tables.claims else claim
        for claim in found
    )
