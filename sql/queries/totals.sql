-- How many rows both tables hold, whoever caused them.
SELECT (SELECT count(*) FROM {main_table}), (SELECT count(*) FROM {detail_table})
