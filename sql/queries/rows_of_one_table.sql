-- The rows of some requests where a rollout has one table: by the id of the reply, by the user where he has no other
-- request, and by a value that nobody else sends. The marks in braces are as in rows_with_main.sql.
SELECT main.{main_key}, {user}, {created_at}, main.{main_key}, {reply_id}, {value}, {main_columns}, {detail_columns}
FROM {main_table} AS main
WHERE {main_bounded} AND ({main_replied} OR {owned} OR {sent})
ORDER BY 3, 1
