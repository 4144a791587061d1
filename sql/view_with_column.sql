-- Lets the view read the column; a migration of its own, some time after the column is there.
-- Locks: ACCESS EXCLUSIVE on the view, for milliseconds; the tables only as a reader does. Transaction: may run in one.
-- A column may be added at a view's end in place, so its owner and grants stay. From then on the column cannot be
-- dropped before rollback/view_without_column.sql has run.
SET lock_timeout = '2s';
CREATE OR REPLACE VIEW microdollar_usage_view AS
SELECT
    usage.id,
    usage.kilo_user_id,
    usage.cost,
    usage.input_tokens,
    usage.output_tokens,
    usage.cache_write_tokens,
    usage.cache_hit_tokens,
    usage.created_at,
    usage.provider,
    usage.model,
    usage.requested_model,
    usage.cache_discount,
    usage.has_error,
    usage.abuse_classification,
    usage.organization_id,
    usage.inference_provider,
    usage.project_id,
    metadata.message_id,
    http_user_agent.http_user_agent,
    http_ip.http_ip,
    vercel_ip_city.vercel_ip_city,
    vercel_ip_country.vercel_ip_country,
    ja4_digest.ja4_digest,
    system_prompt_prefix.system_prompt_prefix,
    finish_reason.finish_reason,
    editor_name.editor_name,
    metadata.vercel_ip_latitude,
    metadata.vercel_ip_longitude,
    metadata.user_prompt_prefix,
    metadata.system_prompt_length,
    metadata.max_tokens,
    metadata.has_middle_out_transform,
    metadata.status_code,
    metadata.upstream_id,
    metadata.latency,
    metadata.moderation_latency,
    metadata.generation_time,
    metadata.is_byok,
    metadata.is_user_byok,
    metadata.streamed,
    metadata.cancelled,
    metadata.has_tools,
    metadata.posthog_distinct_id
FROM microdollar_usage AS usage
LEFT JOIN microdollar_usage_metadata AS metadata ON metadata.id = usage.id
LEFT JOIN http_user_agent ON http_user_agent.http_user_agent_id = metadata.http_user_agent_id
LEFT JOIN http_ip ON http_ip.http_ip_id = metadata.http_ip_id
LEFT JOIN vercel_ip_city ON vercel_ip_city.vercel_ip_city_id = metadata.vercel_ip_city_id
LEFT JOIN vercel_ip_country ON vercel_ip_country.vercel_ip_country_id = metadata.vercel_ip_country_id
LEFT JOIN ja4_digest ON ja4_digest.ja4_digest_id = metadata.ja4_digest_id
LEFT JOIN system_prompt_prefix ON system_prompt_prefix.system_prompt_prefix_id = metadata.system_prompt_prefix_id
LEFT JOIN finish_reason ON finish_reason.finish_reason_id = metadata.finish_reason_id
LEFT JOIN editor_name ON editor_name.editor_name_id = metadata.editor_name_id;
