-- Leaves a request's metadata row alone: what a faulty backend may do in the transaction of its INSERT.
DELETE FROM microdollar_usage WHERE id = %(usage_id)s
