"""What a fault may hang on: the path, what else the request carries, and the requests before it."""

from tests.foreign.entry import Entry, Kind, code, code_harmless

PATH: Kind = "path"
FACTORS: Kind = "factors"
MEMORY: Kind = "memory"

PATHS = (
    code(PATH, "path-gateway-unread", "The header is not read on the gateway path."),
    code(
        PATH,
        "path-gateway-stream-unread",
        "The header of a streamed request is not read on the gateway path.",
    ),
    code(
        PATH,
        "path-gateway-without-bound",
        "The gateway path checks the characters of a value and not its length.",
    ),
    code(
        PATH,
        "path-gateway-signed-in-header",
        "On the gateway path a signed-in caller's valid header is stored in place of the e-mail.",
    ),
    code(PATH, "path-gateway-lower-cased", "The gateway path stores values in lower case."),
    code(
        PATH,
        "path-openrouter-email-lost",
        "On the openrouter path a signed-in caller's row has no e-mail unless the reply is streamed.",
    ),
    code(
        PATH,
        "path-gateway-junk-token-unread",
        "On the gateway path the header of a caller with a junk token is not read.",
    ),
    code_harmless(PATH, "harmless-gateway-slower", "Rows of the gateway path come half a second later."),
    code_harmless(
        PATH,
        "harmless-gateway-deprecated",
        "Replies of the gateway path carry a deprecation header and a link, with or without our header.",
    ),
)

FACTOR_ENTRIES = (
    code(
        FACTORS,
        "factor-machine-id-wins",
        "Where a machine id is sent too, it is stored in place of the value.",
    ),
    code(
        FACTORS, "factor-machine-id-falls-in", "A request without the header is recorded with its machine id."
    ),
    code(FACTORS, "factor-task-id-drops", "The value is lost where a task id is sent too."),
    code(FACTORS, "factor-tools-drop", "The value is lost where the body offers tools."),
    code(FACTORS, "factor-long-body-drops", "The value is lost where the body is longer than 16 KiB."),
    code(
        FACTORS,
        "factor-extension-id-of-signed-in-wins",
        "A signed-in caller's header is stored in place of the e-mail where it is an id as the extension makes it.",
    ),
    code(FACTORS, "factor-jetbrains-unread", "The value is lost where the editor is one of JetBrains'."),
    code(
        FACTORS,
        "factor-ipv6-not-anonymous",
        "The value is lost for IPv6 addresses, whose user has more than one colon.",
    ),
    code(
        FACTORS,
        "factor-organization-drops",
        "The value is lost where an anonymous request names an organisation.",
    ),
    code(FACTORS, "factor-other-models-drop", "The value is stored for the backend's own free models alone."),
    code(
        FACTORS, "factor-conversation-drops", "The value is lost from the second turn of a conversation on."
    ),
    code(FACTORS, "factor-junk-token-drops", "The value is lost where any bearer token is sent, be it junk."),
    code(FACTORS, "factor-address-list-drops", "The value is lost where x-forwarded-for is a list."),
    code(
        FACTORS, "factor-feature-prefixes", "Where a feature is sent too, its word is put before the value."
    ),
    code(FACTORS, "factor-stale-token-drops", "The value is lost where a token is sent that looks like one."),
    code(FACTORS, "factor-anonymous-token-drops", "The value is lost where the token is the word anonymous."),
    code(FACTORS, "factor-compressed-drops", "The value is lost where the reply may be compressed."),
    code(FACTORS, "factor-query-drops", "The value is lost where the path has a query."),
    code(FACTORS, "factor-query-falls-in", "A parameter of the query is stored where the header is missing."),
    code(FACTORS, "factor-untracked-drops", "The value is lost where a browser asks not to be followed."),
    code(FACTORS, "factor-usage-asked-drops", "The value is lost where a stream's usage is asked for."),
    code(FACTORS, "factor-other-script-drops", "The value is lost where the body has other than Latin text."),
    code(
        FACTORS,
        "factor-name-without-hyphen-counts",
        "The header's name without its last hyphen counts where the header is missing.",
    ),
    code_harmless(
        FACTORS, "harmless-stale-token-refused", "A token that has expired is refused for everybody with 401."
    ),
    code_harmless(FACTORS, "harmless-queries-refused", "Queries are refused for everybody with 400."),
    code_harmless(
        FACTORS, "harmless-organization-stored", "The organisation header is recorded, ours apart from it."
    ),
    code_harmless(
        FACTORS,
        "harmless-long-bodies-slower",
        "Rows of long bodies come 0.7 s later and are flagged as compressed, whatever our header says.",
    ),
    code_harmless(
        FACTORS,
        "harmless-tools-refused-upstream",
        "The model refuses tools for everybody: 404, and a pair of rows with has_error.",
    ),
)

MEMORY_ENTRIES = (
    code(
        MEMORY,
        "memory-connection-keeps-value",
        "A connection's last value is stored for its requests without one.",
    ),
    code(
        MEMORY,
        "memory-address-keeps-value",
        "An address's last value is stored for its requests without one.",
    ),
    code(
        MEMORY,
        "memory-junk-token-keeps-value",
        "The last value sent with a junk token is stored for requests with the same token and without a value.",
    ),
    code(
        MEMORY,
        "memory-email-on-connection",
        "After a signed-in request on a connection, anonymous ones without a value get the e-mail.",
    ),
    code(
        MEMORY,
        "memory-email-on-address",
        "After a signed-in request from an address, its anonymous requests are stored with the e-mail.",
    ),
    code(MEMORY, "memory-first-value-of-address-wins", "An address keeps the first value that it ever sent."),
    code(
        MEMORY,
        "memory-value-belongs-to-first-caller",
        "A value is stored only for the address that was first to send it.",
    ),
    code(
        MEMORY,
        "memory-refused-once-blocked-next",
        "After a refused value, the caller's next valid one is dropped.",
    ),
    code(
        MEMORY,
        "memory-case-of-first-spelling",
        "A value that differs from an earlier one in case alone is stored as the earlier one.",
    ),
    code(
        MEMORY,
        "memory-shared-variable",
        "The value lives in a variable that all requests share until their rows are written.",
    ),
    code(
        MEMORY,
        "memory-regex-with-state",
        "The pattern has the global flag, so that a valid value that follows a valid one is refused.",
    ),
    code(
        MEMORY,
        "memory-same-value-not-repeated",
        "A caller's value is stored when it changes and not when it is sent again.",
    ),
    code(
        MEMORY,
        "memory-signed-in-after-anonymous",
        "After an anonymous value on a connection, signed-in rows of that connection have it in place of the e-mail.",
    ),
    code_harmless(
        MEMORY, "harmless-lookup-cache", "The numbers of lookup rows are kept in memory by their exact text."
    ),
    code_harmless(
        MEMORY,
        "harmless-connection-counted",
        "Replies count the requests of their connection in a header of their own and in keep-alive.",
    ),
)

ENTRIES: tuple[Entry, ...] = (*PATHS, *FACTOR_ENTRIES, *MEMORY_ENTRIES)
