-- Accounts for one request, its metadata row first and alone; usage/usage_after.sql brings the usage row.
-- The marks in braces are those of usage/insert.sql; lookups are left out. Transaction: one of its own.
INSERT INTO microdollar_usage_metadata (
    id, created_at, message_id, user_prompt_prefix, system_prompt_length, max_tokens, has_middle_out_transform,
    status_code, upstream_id, latency, is_byok, is_user_byok, streamed, cancelled, has_tools{columns}
) VALUES (
    %(usage_id)s, now(), %(message_id)s, %(user_prompt)s, %(system_prompt_length)s, %(max_tokens)s, false,
    %(status_code)s, %(message_id)s, %(latency)s, false, false, %(streamed)s, NULL, %(has_tools)s{values}
)
