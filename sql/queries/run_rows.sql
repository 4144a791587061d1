-- Keys of the rows that one run left: of its users, each of whom has an address from a range for documentation; of users
-- that other runs have as well, those that carry the id of one of its replies; and of anybody, those that carry such an
-- id, unless more than one row carries it. The marks in braces: see harness/database/relations.py.
SELECT key FROM {main} AS main WHERE user_id = ANY(%(user_ids)s)
UNION
SELECT main.key
FROM {main} AS main
JOIN {detail} AS detail ON detail.key = main.key
WHERE {reply_id} = ANY(%(reply_ids)s) AND main.user_id = ANY(%(shared_ids)s)
UNION
SELECT (array_agg(key))[1]
FROM {replied} AS replied
WHERE reply_id = ANY(%(reply_ids)s)
GROUP BY reply_id
HAVING count(*) = 1
