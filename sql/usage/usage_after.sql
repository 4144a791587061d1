-- The usage row of a request whose metadata row usage/metadata_first.sql has written.
INSERT INTO microdollar_usage (
    id, kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens,
    provider, model, requested_model, has_error, organization_id, inference_provider, project_id
) VALUES (
    %(usage_id)s, %(kilo_user_id)s, %(cost)s, %(input_tokens)s, %(output_tokens)s, 0, 0,
    %(provider)s, %(model)s, %(requested_model)s, %(has_error)s, %(organization_id)s, %(inference_provider)s, %(project_id)s
)
