-- Check coverage rate
SELECT 
  COUNT(*) FILTER (WHERE mum.posthog_distinct_id IS NOT NULL) * 100.0 / COUNT(*) as coverage_pct
FROM microdollar_usage mu
JOIN microdollar_usage_metadata mum ON mu.id = mum.id
WHERE mu.kilo_user_id LIKE 'anon:%' AND mu.created_at > NOW() - INTERVAL '7 days';
