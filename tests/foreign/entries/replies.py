"""What the client gets, and what fails for every request of one class."""

from tests.foreign.entry import Entry, Kind, code, code_harmless

REPLIES: Kind = "replies"
SYSTEMATIC: Kind = "systematic failure"

REPLY_ENTRIES = (
    code(REPLIES, "reply-stream-without-end", "With a valid value the stream lacks its [DONE]."),
    code(
        REPLIES, "reply-identity-event", "With a valid value the stream begins with an event of another name."
    ),
    code(
        REPLIES,
        "reply-field-added",
        "With a valid value the JSON reply has a field more, which is the value.",
    ),
    code(REPLIES, "reply-warning-if-refused", "With a refused value the JSON reply has a list of warnings."),
    code(REPLIES, "reply-content-type-if-refused", "With a refused value the reply is sent as plain text."),
    code(
        REPLIES,
        "reply-usage-event-dropped",
        "With a valid value the stream lacks the chunk with the token counts.",
    ),
    code(
        REPLIES, "reply-stream-in-one-piece", "With a valid value the text of the stream comes in one chunk."
    ),
    code(
        REPLIES,
        "reply-comment-with-value",
        "With a valid value the stream begins with a comment that is the value.",
    ),
    code(
        REPLIES,
        "reply-finish-reason-of-long-value",
        "With a valid value of more than 64 characters the finish reason is length.",
    ),
    code(
        REPLIES,
        "reply-trace-holds-value",
        "A header that is another in each reply holds the value where one is valid.",
    ),
    code(REPLIES, "reply-400-if-refused", "An anonymous request with an invalid value is refused with 400."),
    code(
        REPLIES,
        "reply-paid-model-unlocked",
        "A valid value lets an anonymous caller use a model that is not free.",
    ),
    code(REPLIES, "reply-model-renamed", "With a valid value reply and row name the model without :free."),
    code(REPLIES, "reply-cookie-set", "With a valid value the reply sets a cookie with it."),
    code(
        REPLIES,
        "reply-error-event-after-end",
        "With a refused value an error event follows the end of the stream.",
    ),
    code(REPLIES, "reply-431-if-very-long", "A value of more than 4096 characters is refused with 431."),
    code_harmless(
        REPLIES, "harmless-comments-in-streams", "All streams have comment lines between their events."
    ),
    code_harmless(
        REPLIES, "harmless-compressed-if-asked", "Replies are compressed where the client takes gzip."
    ),
    code_harmless(REPLIES, "harmless-key-order-random", "The keys of the JSON reply come in a random order."),
    code_harmless(REPLIES, "harmless-chunks-vary", "The same text is split into a random number of chunks."),
    code_harmless(
        REPLIES, "harmless-client-named-in-reply", "The user agent is sent back in a header of the reply."
    ),
    code_harmless(REPLIES, "harmless-latency-random", "Replies take up to 80 ms more, at random."),
)

SYSTEMATIC_ENTRIES = (
    code(SYSTEMATIC, "systematic-signed-in-rows-lost", "Rows of signed-in callers never come."),
    code(
        SYSTEMATIC,
        "systematic-rows-without-header-lost",
        "Rows of anonymous requests without the header never come: the driver refuses undefined.",
    ),
    code(
        SYSTEMATIC,
        "systematic-refused-rows-lost",
        "Rows of anonymous requests with an invalid value never come.",
    ),
    code(
        SYSTEMATIC,
        "systematic-400-without-header",
        "Anonymous requests without the header are refused with 400.",
    ),
    code(SYSTEMATIC, "systematic-junk-token-401", "Anonymous requests with any token are refused with 401."),
    code(SYSTEMATIC, "systematic-ipv6-500", "Requests from IPv6 addresses fail with 500."),
    code(SYSTEMATIC, "systematic-stream-rows-lost", "Rows of streamed requests never come."),
    code(SYSTEMATIC, "systematic-gateway-missing", "The gateway path is not served at all."),
    code(
        SYSTEMATIC,
        "systematic-tools-without-header-500",
        "Requests with tools and without the header fail with 500.",
    ),
    code(SYSTEMATIC, "systematic-no-value-ever", "The value of anonymous callers never reaches the row."),
    code_harmless(
        SYSTEMATIC, "harmless-large-body-413", "Bodies of more than 48 KiB are refused for everybody."
    ),
    code_harmless(
        SYSTEMATIC,
        "harmless-unknown-models-refused",
        "Models that the backend does not know are refused with 404 for everybody.",
    ),
    code_harmless(
        SYSTEMATIC, "harmless-error-bodies", "Refusals have a body of another shape, with the same status."
    ),
)

ENTRIES: tuple[Entry, ...] = (*REPLY_ENTRIES, *SYSTEMATIC_ENTRIES)
