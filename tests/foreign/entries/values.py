"""Which values are taken for valid ones, and what becomes of those."""

from tests.foreign.entry import Entry, Kind, code, code_harmless

SHAPES: Kind = "value shapes"
CLASSES: Kind = "classes of header value"

SHAPE_ENTRIES = (
    code(
        SHAPES,
        "shape-number-canonical",
        "A value that reads as a number is stored as JavaScript writes that number.",
    ),
    code(SHAPES, "shape-null-words-refused", "Words for nothing, such as null and undefined, are refused."),
    code(SHAPES, "shape-booleans-refused", "Words for yes and no are refused."),
    code(SHAPES, "shape-uuid-lower-cased", "UUIDs are stored in lower case."),
    code(SHAPES, "shape-edge-separators-trimmed", "Hyphens and underscores at either end are cut off."),
    code(SHAPES, "shape-separators-collapsed", "Repeated hyphens or underscores are stored as one."),
    code(SHAPES, "shape-prefix-stripped", "The prefix vscode- is cut off."),
    code(
        SHAPES,
        "shape-prototype-names-lost",
        "Values are counted in a plain object, and the names that every object has are lost.",
    ),
    code(SHAPES, "shape-date-normalised", "A value that reads as a date is stored as a full timestamp."),
    code(SHAPES, "shape-leading-digit-refused", "Values that begin with a digit are refused."),
    code(SHAPES, "shape-short-refused", "Values of one or two characters are refused."),
    code(SHAPES, "shape-sha256-shortened", "A value of 64 hexadecimal digits is cut to the extension's 16."),
    code(SHAPES, "shape-sha256-lower-cased", "64 hexadecimal digits are stored in lower case."),
    code(
        SHAPES,
        "shape-repeated-character-refused",
        "A value that is one character eight times or more is refused as a placeholder.",
    ),
    code(SHAPES, "shape-hex-number", "Sixteen hexadecimal digits are stored without the zeros before them."),
    code(SHAPES, "shape-prefixed-lower-cased", "Values with the prefix vscode- are stored in lower case."),
    code(SHAPES, "shape-keys-redacted", "Values that look like a secret key are refused."),
    code(SHAPES, "shape-default-refused", "Words that stand for anybody, such as default, are refused."),
    code(SHAPES, "shape-day-of-no-month-refused", "A value that reads as a day of no month is refused."),
    code(SHAPES, "shape-uuid-dashes-removed", "UUIDs are stored without their hyphens."),
    code_harmless(SHAPES, "harmless-value-interned", "Values are kept in a map by their exact text."),
    code_harmless(
        SHAPES,
        "harmless-normalised-after-check",
        "A value that was found valid is normalised, decoded and trimmed, which leaves each valid value as it is.",
    ),
)

CLASS_ENTRIES = (
    code(CLASSES, "class-bound-256", "256 characters are accepted."),
    code(CLASSES, "class-bound-254", "255 characters are refused."),
    code(CLASSES, "class-bound-512", "Up to 512 characters are accepted."),
    code(CLASSES, "class-bound-missing-up-to-btree", "Up to 2600 characters are accepted."),
    code(CLASSES, "class-dot-accepted", "Dots are accepted."),
    code(CLASSES, "class-colon-accepted", "Colons are accepted."),
    code(CLASSES, "class-end-not-anchored", "Anything may follow the first valid character."),
    code(CLASSES, "class-start-not-anchored", "Anything may come before the last valid character."),
    code(
        CLASSES,
        "class-range-a-to-z-crossed",
        "The range A-z takes in brackets, backslash, caret and backtick.",
    ),
    code(CLASSES, "class-letters-of-any-script", "Letters beyond ASCII are accepted."),
    code(CLASSES, "class-base64-accepted", "The other letters of base64 (plus, slash, equals) are accepted."),
    code(CLASSES, "class-long-cut-to-bound", "A longer value is cut to 255 characters and stored."),
    code(CLASSES, "class-cut-at-64", "Values are cut to 64 characters."),
    code(
        CLASSES, "class-wide-blanks-trimmed", "A no-break space at either end is trimmed and the rest stored."
    ),
    code(CLASSES, "class-odd-characters-removed", "Invalid characters are removed and the rest is stored."),
    code(CLASSES, "class-first-of-duplicates", "Of several values the first is stored."),
    code(CLASSES, "class-last-of-duplicates", "Of several values the last is stored."),
    code(CLASSES, "class-quotes-removed", "A quoted value is stored without its quotes."),
    code(CLASSES, "class-percent-decoded", "A percent-encoded value is decoded and stored."),
    code(CLASSES, "class-extended-value-decoded", "An extended value is stored without its charset."),
    code(CLASSES, "class-urn-prefix-removed", "Of a URN of a UUID what follows is stored."),
    code(CLASSES, "class-braces-removed", "A value in braces is stored without them."),
    code(
        CLASSES, "class-user-id-signs-in", "Whoever sends a user's id as the header is taken for that user."
    ),
    code(
        CLASSES, "class-email-signs-in", "Whoever sends a user's e-mail as the header is taken for that user."
    ),
    code(CLASSES, "class-own-name-accepted", "A caller's own user id is stored, colon and all."),
    code(CLASSES, "class-tabs-removed", "A tab inside of a value is removed and the rest stored."),
    code(CLASSES, "class-empty-stored-as-empty", "An empty header is stored as an empty text."),
    code(CLASSES, "class-refused-stored-as-word", "A refused value is stored as the word invalid."),
    code(
        CLASSES, "class-email-lost-if-refused", "An invalid header of a signed-in caller clears the e-mail."
    ),
    code(CLASSES, "class-junk-token-unchecked", "The value of a caller with a junk token is not checked."),
    code(CLASSES, "class-only-first-64-checked", "Only the first 64 characters are checked."),
    code_harmless(CLASSES, "harmless-hand-written-check", "The rule is a loop over character codes."),
    code_harmless(
        CLASSES, "harmless-pattern-with-quantifier", "The rule is one pattern with the bound in it."
    ),
    code_harmless(
        CLASSES,
        "harmless-refusals-counted",
        "Refused values are counted in a table of the backend's own, and stored nowhere.",
    ),
)

ENTRIES: tuple[Entry, ...] = (*SHAPE_ENTRIES, *CLASS_ENTRIES)
