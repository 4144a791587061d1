-- Deletes the metadata rows of one run of the gate: those of its users, each of whom has an address from a range for
-- documentation; and those that carry the id of one of its replies, unless more than one row carries that.
DELETE FROM microdollar_usage_metadata AS metadata
WHERE metadata.id IN (SELECT id FROM microdollar_usage WHERE kilo_user_id = ANY(%(user_ids)s))
    OR metadata.message_id IN (
        SELECT message_id FROM microdollar_usage_metadata
        WHERE message_id = ANY(%(message_ids)s)
        GROUP BY message_id
        HAVING count(*) = 1
    )
RETURNING metadata.id
