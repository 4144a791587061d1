-- Leaves a request's usage row alone: what a faulty backend may do in the transaction of its INSERT.
DELETE FROM microdollar_usage_metadata WHERE id = %(usage_id)s
