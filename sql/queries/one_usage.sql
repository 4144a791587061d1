-- One usage as the product's pages read it: through the view, by id.
SELECT id, kilo_user_id, cost, created_at, model, message_id, editor_name
FROM microdollar_usage_view
WHERE id = %(id)s
