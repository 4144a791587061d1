-- Rows that have the mark of a run alone, or an address for documentation alone, for somebody to look at. The marks in
-- braces are as in marked_rows.sql.
SELECT main.key, main.user_id, {created_at} AS created_at, detail.key AS detail_key, {reply_id} AS reply_id, detail.agent
FROM {main} AS main
FULL JOIN {marked} AS detail ON detail.key = main.key
WHERE coalesce(detail.agent ~ {pattern}, false) <> coalesce({at_address}, false)
ORDER BY 3, 1
