-- The rows of some requests in a database of which only the rollout's columns are known: by the id of the reply, and by
-- the user where he has no other request. A main row without its detail shows NULL on that side. The marks in braces
-- are identifiers, the value that is rolled out (or NULL where the schema has none), and the columns of each table that
-- may be read, as arrays of text. Reads no more main rows than those since a moment, so an index on their time keeps it
-- small.
SELECT main.{main_key}, {user}, {created_at}, detail.{detail_key}, {reply_id}, {value}, {main_columns}, {detail_columns}
FROM {main_table} AS main
LEFT JOIN {detail_table} AS detail ON detail.{detail_key} = main.{main_key}
{valued}
WHERE {main_bounded} AND ({replied} OR {owned})
