-- Gives a request that has its rows to another user: what a faulty backend's job may do later.
UPDATE microdollar_usage SET kilo_user_id = %(new)s WHERE id = %(usage_id)s
