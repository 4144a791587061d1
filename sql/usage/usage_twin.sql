-- A second usage row of a request, with an id of its own and no metadata: what a faulty backend may leave.
INSERT INTO microdollar_usage (
    id, kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens, provider, model, requested_model
)
SELECT
    gen_random_uuid(), kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens,
    provider, model, requested_model
FROM microdollar_usage WHERE id = %(usage_id)s
