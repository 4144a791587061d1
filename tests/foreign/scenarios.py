"""The requests that tell each fault from the plain build, and those that a harmless variant must bear."""

from dataclasses import replace

from tests.foreign.client import HEADER, Send

ID = "vscode-d63f6f95dd8733f0"
OTHER = "vscode-255469480753dc78"
UPPER = "VSCODE-D63F6F95DD8733F0"
UUID = "0B2C8F4E-6D1A-4C3B-9E7F-5A4D3C2B1A00"
LONG = "Ab-9_" * 51  # 255 characters
EDITOR = ("x-kilocode-editorname", "Visual Studio Code 1.106.2")
JETBRAINS = ("x-kilocode-editorname", "JetBrains IntelliJ IDEA 2025.2")
TASK = ("x-kilocode-taskid", "019a2f6e-7d3c-7c11-b0ce-3f5a2d1e9b47")
MACHINE = ("x-kilocode-machineid", "9f2c4f0e5d7b4f5bb7a1")
FEATURE = ("x-kilocode-feature", "code")
ORGANIZATION = ("x-kilocode-organizationid", "6f1ae1f0-2a5a-4a3e-8f6e-0d9b7c6a5e41")

VALID = (Send(ID),)
REFUSED = (Send("not valid!"),)
STREAMED = (Send(ID, stream=True),)
LOWERED = (Send(UPPER, settle=True),)


def stored(*values: str) -> tuple[Send, ...]:
    """Values that an anonymous caller sends, each on a connection of its own."""
    return tuple(Send(value) for value in values)


def gateway(**changes: object) -> tuple[Send, ...]:
    """One request with a valid value on the gateway path."""
    return (replace(Send(ID, path="gateway"), **changes),)  # type: ignore[arg-type]


def beside(*headers: tuple[str, str]) -> tuple[Send, ...]:
    """One request with a valid value and other headers."""
    return (Send(ID, headers=headers),)


ROWS = {
    "orphan-second-metadata": STREAMED,
    "orphan-usage-of-long-value": stored("a" * 128, "a" * 129),
    "orphan-pair-under-value": VALID,
    "orphan-halves-disagree": (Send(ID, turns=3),),
    "orphan-reconciler": VALID,
    "orphan-whole-pair-twice": STREAMED,
    "orphan-usage-without-metadata-if-refused": REFUSED,
    "later-cleared-after-stream": STREAMED,
    "later-lower-cased": LOWERED,
    "later-earlier-rows-stitched": (Send(settle=True), Send(ID)),
    "later-only-newest-keeps-value": (Send(ID, settle=True), Send(ID)),
    "columns-cost-of-identified": VALID,
    "columns-error-flag-if-refused": REFUSED,
    "columns-streamed-flag-lost": STREAMED,
    "columns-abuse-class-if-refused": REFUSED,
    "columns-user-agent-lost": VALID,
    "columns-message-id-prefixed": VALID,
    "columns-signed-in-project-replaced": (Send(ID, caller="signed in"),),
}
REQUESTS = {
    "path-gateway-unread": gateway(),
    "path-gateway-stream-unread": gateway(stream=True),
    "path-gateway-without-bound": gateway(value="a" * 256),
    "path-gateway-signed-in-header": gateway(caller="signed in"),
    "path-gateway-lower-cased": gateway(value=UPPER),
    "path-openrouter-email-lost": (Send(caller="signed in"),),
    "path-gateway-junk-token-unread": gateway(caller="junk"),
    "factor-machine-id-wins": beside(MACHINE),
    "factor-machine-id-falls-in": (Send(headers=(MACHINE,)),),
    "factor-task-id-drops": beside(TASK),
    "factor-tools-drop": (Send(ID, tools=True),),
    "factor-long-body-drops": (Send(ID, padding=20_000),),
    "factor-jetbrains-unread": beside(JETBRAINS),
    "factor-ipv6-not-anonymous": (Send(ID, address="2001:db8::7"),),
    "factor-organization-drops": beside(ORGANIZATION),
    "factor-other-models-drop": (Send(ID, model="qwen/qwen3-coder:free"),),
    "factor-conversation-drops": (Send(ID, turns=3),),
    "factor-junk-token-drops": (Send(ID, caller="junk"),),
    "factor-address-list-drops": (Send(ID, address="203.0.113.7, 198.51.100.4"),),
    "factor-feature-prefixes": beside(FEATURE),
    "factor-stale-token-drops": beside(("authorization", "Bearer e30.e30.c2ln")),
    "factor-anonymous-token-drops": beside(("authorization", "Bearer anonymous")),
    "factor-compressed-drops": beside(("accept-encoding", "gzip")),
    "factor-query-drops": (Send(ID, query="a=b"),),
    "factor-query-falls-in": (Send(query=f"{HEADER}={ID}"),),
    "factor-untracked-drops": beside(("dnt", "1")),
    "factor-usage-asked-drops": (Send(ID, stream=True, usage=True),),
    "factor-other-script-drops": (Send(ID, says="万事如意"),),
    "factor-name-without-hyphen-counts": (Send(headers=(("x-posthog-distinctid", ID),)),),
}
MEMORY = {
    "memory-connection-keeps-value": (Send(ID, connection=1), Send(connection=1, address="203.0.113.8")),
    "memory-address-keeps-value": (Send(ID), Send()),
    "memory-junk-token-keeps-value": (Send(ID, caller="junk"), Send(caller="junk", address="203.0.113.8")),
    "memory-email-on-connection": (Send(caller="signed in", connection=1), Send(connection=1)),
    "memory-email-on-address": (Send(caller="signed in"), Send(ID)),
    "memory-first-value-of-address-wins": stored(ID, OTHER),
    "memory-value-belongs-to-first-caller": (Send(ID), Send(ID, address="203.0.113.8")),
    "memory-refused-once-blocked-next": stored("not valid!", ID),
    "memory-case-of-first-spelling": stored(ID, UPPER),
    "memory-shared-variable": stored(ID, OTHER) * 4,
    "memory-regex-with-state": stored(ID, OTHER),
    "memory-same-value-not-repeated": stored(ID, ID),
    "memory-signed-in-after-anonymous": (Send(ID, connection=1), Send(caller="signed in", connection=1)),
}
SHAPES = {
    "shape-number-canonical": stored("007", "1e3", "0x1F"),
    "shape-null-words-refused": stored("null", "undefined"),
    "shape-booleans-refused": stored("true", "off"),
    "shape-uuid-lower-cased": stored(UUID),
    "shape-edge-separators-trimmed": stored("-a-", "_a"),
    "shape-separators-collapsed": stored("a--b", "a__b"),
    "shape-prefix-stripped": stored(ID),
    "shape-prototype-names-lost": stored("constructor", "toString"),
    "shape-date-normalised": stored("2025-01-31"),
    "shape-leading-digit-refused": stored("0a"),
    "shape-short-refused": stored("a", "-"),
    "shape-sha256-shortened": stored("0a" * 32),
    "shape-repeated-character-refused": stored("a" * 8),
    "shape-hex-number": stored("00000000000000a0"),
    "shape-prefixed-lower-cased": stored("vscode-ABC"),
    "shape-keys-redacted": stored("sk-abc"),
    "shape-default-refused": stored("default"),
    "shape-day-of-no-month-refused": stored("2026-02-32"),
    "shape-uuid-dashes-removed": stored(UUID),
}
CLASSES = {
    "class-bound-256": stored("a" * 256),
    "class-bound-254": stored("a" * 255),
    "class-bound-512": stored("a" * 512),
    "class-bound-missing-up-to-btree": stored("a" * 2048),
    "class-dot-accepted": stored("a.b"),
    "class-colon-accepted": stored("a:b"),
    "class-end-not-anchored": stored("a b"),
    "class-start-not-anchored": stored("! a"),
    "class-range-a-to-z-crossed": stored("a[b]", "a^b"),
    "class-letters-of-any-script": stored("caf\u00e9"),
    "class-base64-accepted": stored(
        "YWJj+/==",
    ),
    "class-long-cut-to-bound": stored("a" * 300),
    "class-cut-at-64": stored("a" * 65),
    "class-wide-blanks-trimmed": stored("\u00a0abc\u00a0"),
    "class-odd-characters-removed": stored("a b"),
    "class-first-of-duplicates": (Send((ID, "not valid!")),),
    "class-last-of-duplicates": (Send(("not valid!", ID)),),
    "class-quotes-removed": stored('"abc"'),
    "class-percent-decoded": stored("%61bc"),
    "class-tabs-removed": stored("a\tb"),
    "class-empty-stored-as-empty": stored("", "  "),
    "class-refused-stored-as-word": REFUSED,
    "class-email-lost-if-refused": (Send("not valid!", caller="signed in"),),
    "class-junk-token-unchecked": (Send("not valid!", caller="junk"),),
    "class-only-first-64-checked": stored("a" * 64 + "!"),
}
REPLIES = {
    "reply-stream-without-end": STREAMED,
    "reply-identity-event": STREAMED,
    "reply-field-added": VALID,
    "reply-warning-if-refused": REFUSED,
    "reply-content-type-if-refused": REFUSED,
    "reply-usage-event-dropped": STREAMED,
    "reply-stream-in-one-piece": STREAMED,
    "reply-comment-with-value": STREAMED,
    "reply-finish-reason-of-long-value": stored("a" * 65),
    "reply-400-if-refused": REFUSED,
    "reply-431-if-very-long": stored("a" * 5000),
    "reply-paid-model-unlocked": (Send(model="kilo/paid"), Send(ID, model="kilo/paid")),
    "reply-model-renamed": VALID,
    "reply-cookie-set": VALID,
    "reply-error-event-after-end": (Send("not valid!", stream=True),),
    "systematic-signed-in-rows-lost": (Send(caller="signed in"),),
    "systematic-rows-without-header-lost": (Send(),),
    "systematic-refused-rows-lost": REFUSED,
    "systematic-400-without-header": (Send(), Send(ID)),
    "systematic-junk-token-401": (Send(caller="junk"),),
    "systematic-ipv6-500": (Send(address="2001:db8::7"),),
    "systematic-stream-rows-lost": (Send(stream=True),),
    "systematic-gateway-missing": (Send(path="gateway"),),
    "systematic-tools-without-header-500": (Send(tools=True),),
    "systematic-no-value-ever": VALID,
}
HIDDEN = {
    "hidden-invalid-values": stored("a.b"),
    "hidden-orphans": STREAMED,
    "hidden-signed-in-values": gateway(caller="signed in"),
    "hidden-usage-without-metadata": stored("a" * 129),
    "hidden-by-view-on-search-path": stored("a:b"),
    "hidden-by-copy-on-search-path": STREAMED,
    "hidden-value-column": (Send(caller="signed in"),),
    "hidden-second-pairs": STREAMED,
}
SCHEMA = {
    "index-unique": stored(ID, ID),
    "index-unique-nulls-not-distinct": (Send(), Send()),
    "schema-check-of-length": stored("a" * 65),
    "schema-domain-of-lower-case": stored(UPPER),
    "schema-varchar-128": stored("a" * 129),
    "schema-padded-character-type": VALID,
    "schema-trigger-lowers": stored(UPPER),
    "schema-trigger-strips-emails": (Send(caller="signed in"),),
    "schema-trigger-fills-null": (Send(),),
    "schema-trigger-cuts-trailing-hyphens": stored("a-"),
    "schema-trigger-skips-repeated-caller": (Send(ID, settle=True), Send(ID, address="203.0.113.8")),
    "schema-trigger-keeps-newest": (Send(ID, settle=True), Send(ID)),
    "schema-reference-to-persons": stored("jetbrains-1"),
    "schema-unique-beside": stored(ID, ID),
    "schema-default-where-left-out": (Send(),),
    "schema-view-in-place": stored("a" * 101),
}
TELLING: dict[str, tuple[Send, ...]] = {
    **ROWS, **REQUESTS, **MEMORY, **SHAPES, **CLASSES, **REPLIES, **HIDDEN, **SCHEMA,
}  # fmt: skip

_SHAPES = (
    Send(headers=(EDITOR, TASK, MACHINE, FEATURE)),
    Send(stream=True, connection=1),
    Send(path="gateway", caller="junk", connection=1, headers=(JETBRAINS,)),
    Send(path="gateway", stream=True, caller="signed in", connection=1),
    Send(caller="signed in", turns=3),
    Send(tools=True, address="2001:db8::7"),
    Send(padding=60_000, address="203.0.113.7, 198.51.100.4", headers=(ORGANIZATION,)),
    Send(model="qwen/qwen3-coder:free", stream=True, turns=2),
)
_VALUES = (None, ID, LONG, "not valid!", "a" * 256, "1e3", UPPER)
BREADTH = tuple(replace(shape, value=value) for shape in _SHAPES for value in _VALUES)

FLEET_SENDS = tuple(
    Send(
        LONG,
        path="gateway" if number % 3 == 0 else "openrouter",
        address=f"203.0.113.{number // 7}",
        connection=0 if number % 2 else 1 + number // 12,
    )
    for number in range(120)
)
