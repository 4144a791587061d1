-- The rows of some requests, from both tables and whether or not they have another side: by the id of the reply, by the
-- user where he has no other request, and by a value that nobody else sends. The marks in braces are as in
-- rows_with_main.sql; `names` are the same columns by name, and `bounded` keeps a table to a time where it has one, else
-- the whole table is read: of somebody's database this is asked once, at the end of a run.
WITH main AS (
    SELECT {main_names} FROM {main_table} AS main
    WHERE {main_bounded}
), detail AS (
    SELECT {detail_names} FROM {detail_table} AS detail
    WHERE {detail_bounded}
        AND (
            {detail_replied}
            OR {sent}
            OR detail.{detail_key} IN (SELECT main.{main_key} FROM main WHERE {owned} OR {main_replied})
        )
)
SELECT main.{main_key}, {user}, {created_at}, detail.{detail_key}, {reply_id}, {value}, {main_columns}, {detail_columns}
FROM detail
LEFT JOIN main ON main.{main_key} = detail.{detail_key}
{valued}
UNION ALL
SELECT main.{main_key}, {user}, {main_created_at}, NULL, {main_reply_id}, NULL::text, {main_columns}, NULL::text[]
FROM main
WHERE ({owned} OR {main_replied}) AND NOT EXISTS (
    SELECT 1 FROM {detail_table} AS other WHERE other.{detail_key} = main.{main_key}
)
ORDER BY 3, 1, 4
