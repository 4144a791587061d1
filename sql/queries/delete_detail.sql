-- Deletes rows of the detail table by their keys, in the transaction that found them.
DELETE FROM {detail_table} WHERE {detail_key} = ANY(%(keys)s)
