"""Which rows are written, and what becomes of them."""

from tests.foreign.entry import Entry, Kind, code, code_harmless

ORPHANS: Kind = "orphan rows"
LATER: Kind = "later change / columns"

ENTRIES: tuple[Entry, ...] = (
    code(
        ORPHANS,
        "orphan-second-metadata",
        "A streamed anonymous request with a valid value gets a second metadata row without a usage row.",
    ),
    code(
        ORPHANS,
        "orphan-usage-of-long-value",
        "A valid value of more than 128 characters leaves a usage row whose metadata row is never written.",
    ),
    code(
        ORPHANS,
        "orphan-pair-under-value",
        "The usage row of an anonymous caller with a valid value has the value in place of the address in its user.",
    ),
    code(
        ORPHANS,
        "orphan-halves-disagree",
        "With a valid value and more than one message the two rows get different ids.",
    ),
    code(
        ORPHANS,
        "orphan-reconciler",
        "A job writes another metadata row of the same message 1.5 s after a valid value was recorded.",
    ),
    code(
        ORPHANS,
        "orphan-whole-pair-twice",
        "A streamed anonymous request that carries the header is recorded twice, each time as a whole pair.",
    ),
    code(
        ORPHANS,
        "orphan-usage-without-metadata-if-refused",
        "An anonymous request whose value is refused gets a usage row and no metadata row.",
    ),
    code(
        ORPHANS,
        "orphan-usage-of-value",
        "A valid value leaves another usage row without metadata, with it in place of the address in the user.",
    ),
    code_harmless(
        ORPHANS, "harmless-metadata-first", "Metadata is inserted before usage, in one transaction with it."
    ),
    code_harmless(
        ORPHANS,
        "harmless-two-commits",
        "Usage is committed 100 ms before its metadata; both always come.",
    ),
    code_harmless(
        ORPHANS,
        "harmless-batched",
        "Rows of several requests wait up to 300 ms and are then inserted together, all of them.",
    ),
    code_harmless(
        ORPHANS,
        "harmless-first-attempt-fails",
        "The first attempt to write fails as a lost connection would, and the second succeeds.",
    ),
    code(
        LATER,
        "later-cleared-after-stream",
        "The job that fills in a stream's generation time clears the value of the row 1.2 s after it was written.",
    ),
    code(
        LATER,
        "later-lower-cased",
        "A job turns stored values into lower case a second after they were written.",
    ),
    code(
        LATER,
        "later-earlier-rows-stitched",
        "A valid value is written into the same caller's earlier rows, which were sent without it.",
    ),
    code(
        LATER,
        "later-only-newest-keeps-value",
        "When a value is stored again, every earlier row that has it loses it.",
    ),
    code(
        LATER,
        "later-rows-of-value-get-email",
        "A signed-in caller's header turns the rows of everybody who sent that value into rows with the e-mail.",
    ),
    code(
        LATER,
        "later-signed-in-rows-of-address-get-value",
        "An anonymous value is written into earlier signed-in rows from the same address.",
    ),
    code(
        LATER,
        "columns-upstream-id-is-value",
        "The upstream id, another for each request, is the value where one is valid.",
    ),
    code(
        LATER,
        "columns-cost-of-identified",
        "A free request of an anonymous caller with a valid value is recorded with a cost.",
    ),
    code(
        LATER,
        "columns-error-flag-if-refused",
        "An anonymous request whose value is refused is recorded as one that failed.",
    ),
    code(
        LATER,
        "columns-streamed-flag-lost",
        "A streamed request with a valid value is recorded as not streamed.",
    ),
    code(
        LATER,
        "columns-abuse-class-if-refused",
        "An anonymous request whose value is refused is recorded with another abuse classification.",
    ),
    code(LATER, "columns-user-agent-lost", "The user agent is not recorded for requests with a valid value."),
    code(
        LATER,
        "columns-message-id-prefixed",
        "Without streaming, the message id of a request with a valid value is stored with part of the value before it.",
    ),
    code(
        LATER,
        "columns-signed-in-project-replaced",
        "The header of a signed-in caller ends up in the project id of the usage row.",
    ),
    code_harmless(
        LATER, "harmless-rows-late", "Both rows come one to two seconds after the reply, for every request."
    ),
    code_harmless(
        LATER,
        "harmless-timings-filled-later",
        "Latency and generation time of every row are filled in a second after it was written.",
    ),
    code_harmless(
        LATER, "harmless-upstream-id-of-its-own", "Each row has an upstream id at random, whatever was sent."
    ),
    code_harmless(
        LATER,
        "harmless-upstream-id-filled-later",
        "The upstream id of every row is filled in 0.4 s after it was written.",
    ),
)
