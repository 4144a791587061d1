CREATE VIEW microdollar_usage_view AS
SELECT
    usage.*,
    metadata.message_id,
    http_user_agent.http_user_agent,
    http_ip.http_ip,
    editor_name.editor_name,
    metadata.status_code,
    metadata.streamed,
    metadata.has_tools
FROM microdollar_usage AS usage
LEFT JOIN microdollar_usage_metadata AS metadata ON metadata.id = usage.id
LEFT JOIN http_user_agent ON http_user_agent.http_user_agent_id = metadata.http_user_agent_id
LEFT JOIN http_ip ON http_ip.http_ip_id = metadata.http_ip_id
LEFT JOIN editor_name ON editor_name.editor_name_id = metadata.editor_name_id;
