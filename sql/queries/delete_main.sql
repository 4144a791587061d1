-- Deletes rows of the main table by their keys, in the transaction that found them.
DELETE FROM {main_table} WHERE {main_key} = ANY(%(keys)s)
