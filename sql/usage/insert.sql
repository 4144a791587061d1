-- Accounts for one request: both rows, the lookups and the balance, in one statement.
-- The two marks in braces are where a build adds columns of its own to the metadata row (", name" and ", value");
-- the build as it was adds none. A lookup row is read when it is there, else made; ON CONFLICT settles a race.
WITH usage AS (
    INSERT INTO microdollar_usage (
        id, kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens,
        provider, model, requested_model, has_error, organization_id, inference_provider, project_id
    ) VALUES (
        %(usage_id)s, %(kilo_user_id)s, %(cost)s, %(input_tokens)s, %(output_tokens)s, 0, 0,
        %(provider)s, %(model)s, %(requested_model)s, %(has_error)s, %(organization_id)s, %(inference_provider)s, %(project_id)s
    )
    RETURNING id, created_at
),
agent_new AS (
    INSERT INTO http_user_agent (http_user_agent)
    SELECT %(user_agent)s::text
    WHERE %(user_agent)s::text IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM http_user_agent WHERE http_user_agent = %(user_agent)s::text)
    ON CONFLICT (http_user_agent) DO UPDATE SET http_user_agent = excluded.http_user_agent
    RETURNING http_user_agent_id
),
agent AS (
    SELECT http_user_agent_id FROM agent_new
    UNION ALL
    SELECT http_user_agent_id FROM http_user_agent WHERE http_user_agent = %(user_agent)s::text
),
address_new AS (
    INSERT INTO http_ip (http_ip)
    SELECT %(forwarded_for)s::text
    WHERE %(forwarded_for)s::text IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM http_ip WHERE http_ip = %(forwarded_for)s::text)
    ON CONFLICT (http_ip) DO UPDATE SET http_ip = excluded.http_ip
    RETURNING http_ip_id
),
address AS (
    SELECT http_ip_id FROM address_new
    UNION ALL
    SELECT http_ip_id FROM http_ip WHERE http_ip = %(forwarded_for)s::text
),
city_new AS (
    INSERT INTO vercel_ip_city (vercel_ip_city)
    SELECT %(city)s::text
    WHERE %(city)s::text IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM vercel_ip_city WHERE vercel_ip_city = %(city)s::text)
    ON CONFLICT (vercel_ip_city) DO UPDATE SET vercel_ip_city = excluded.vercel_ip_city
    RETURNING vercel_ip_city_id
),
city AS (
    SELECT vercel_ip_city_id FROM city_new
    UNION ALL
    SELECT vercel_ip_city_id FROM vercel_ip_city WHERE vercel_ip_city = %(city)s::text
),
country_new AS (
    INSERT INTO vercel_ip_country (vercel_ip_country)
    SELECT %(country)s::text
    WHERE %(country)s::text IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM vercel_ip_country WHERE vercel_ip_country = %(country)s::text)
    ON CONFLICT (vercel_ip_country) DO UPDATE SET vercel_ip_country = excluded.vercel_ip_country
    RETURNING vercel_ip_country_id
),
country AS (
    SELECT vercel_ip_country_id FROM country_new
    UNION ALL
    SELECT vercel_ip_country_id FROM vercel_ip_country WHERE vercel_ip_country = %(country)s::text
),
digest_new AS (
    INSERT INTO ja4_digest (ja4_digest)
    SELECT %(digest)s::text
    WHERE %(digest)s::text IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM ja4_digest WHERE ja4_digest = %(digest)s::text)
    ON CONFLICT (ja4_digest) DO UPDATE SET ja4_digest = excluded.ja4_digest
    RETURNING ja4_digest_id
),
digest AS (
    SELECT ja4_digest_id FROM digest_new
    UNION ALL
    SELECT ja4_digest_id FROM ja4_digest WHERE ja4_digest = %(digest)s::text
),
prompt_new AS (
    INSERT INTO system_prompt_prefix (system_prompt_prefix)
    SELECT %(system_prompt)s::text
    WHERE %(system_prompt)s::text IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM system_prompt_prefix WHERE system_prompt_prefix = %(system_prompt)s::text)
    ON CONFLICT (system_prompt_prefix) DO UPDATE SET system_prompt_prefix = excluded.system_prompt_prefix
    RETURNING system_prompt_prefix_id
),
prompt AS (
    SELECT system_prompt_prefix_id FROM prompt_new
    UNION ALL
    SELECT system_prompt_prefix_id FROM system_prompt_prefix WHERE system_prompt_prefix = %(system_prompt)s::text
),
reason_new AS (
    INSERT INTO finish_reason (finish_reason)
    SELECT %(finish_reason)s::text
    WHERE %(finish_reason)s::text IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM finish_reason WHERE finish_reason = %(finish_reason)s::text)
    ON CONFLICT (finish_reason) DO UPDATE SET finish_reason = excluded.finish_reason
    RETURNING finish_reason_id
),
reason AS (
    SELECT finish_reason_id FROM reason_new
    UNION ALL
    SELECT finish_reason_id FROM finish_reason WHERE finish_reason = %(finish_reason)s::text
),
editor_new AS (
    INSERT INTO editor_name (editor_name)
    SELECT %(editor_name)s::text
    WHERE %(editor_name)s::text IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM editor_name WHERE editor_name = %(editor_name)s::text)
    ON CONFLICT (editor_name) DO UPDATE SET editor_name = excluded.editor_name
    RETURNING editor_name_id
),
editor AS (
    SELECT editor_name_id FROM editor_new
    UNION ALL
    SELECT editor_name_id FROM editor_name WHERE editor_name = %(editor_name)s::text
),
balance AS (
    UPDATE kilocode_users SET microdollars_used = microdollars_used + %(cost)s
    WHERE id = %(kilo_user_id)s AND %(cost)s > 0 AND %(organization_id)s::uuid IS NULL
)
INSERT INTO microdollar_usage_metadata (
    id, created_at, message_id, http_user_agent_id, http_ip_id, vercel_ip_city_id, vercel_ip_country_id,
    ja4_digest_id, system_prompt_prefix_id, finish_reason_id, editor_name_id, user_prompt_prefix,
    system_prompt_length, max_tokens, has_middle_out_transform, status_code, upstream_id, latency,
    is_byok, is_user_byok, streamed, cancelled, has_tools{columns}
)
SELECT
    usage.id, usage.created_at, %(message_id)s,
    (SELECT http_user_agent_id FROM agent),
    (SELECT http_ip_id FROM address),
    (SELECT vercel_ip_city_id FROM city),
    (SELECT vercel_ip_country_id FROM country),
    (SELECT ja4_digest_id FROM digest),
    (SELECT system_prompt_prefix_id FROM prompt),
    (SELECT finish_reason_id FROM reason),
    (SELECT editor_name_id FROM editor),
    %(user_prompt)s, %(system_prompt_length)s, %(max_tokens)s, false, %(status_code)s, %(message_id)s, %(latency)s,
    false, false, %(streamed)s, NULL, %(has_tools)s{values}
FROM usage
