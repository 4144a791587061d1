-- Deletes the metadata rows of one run of the gate: those of its users, each of whom has an address from a range for
-- documentation; those of addresses that other runs have as well, which carry the id of one of its replies; and of
-- anybody, those that carry such an id, unless more than one row carries it.
DELETE FROM microdollar_usage_metadata AS metadata
WHERE metadata.id IN (SELECT id FROM microdollar_usage WHERE kilo_user_id = ANY(%(user_ids)s))
    OR (
        metadata.message_id = ANY(%(message_ids)s)
        AND metadata.id IN (SELECT id FROM microdollar_usage WHERE kilo_user_id = ANY(%(shared_ids)s))
    )
    OR metadata.message_id IN (
        SELECT message_id FROM microdollar_usage_metadata
        WHERE message_id = ANY(%(message_ids)s)
        GROUP BY message_id
        HAVING count(*) = 1
    )
RETURNING metadata.id
