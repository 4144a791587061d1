-- View anonymous users with PostHog tracking
SELECT 
  mu.kilo_user_id,
  mum.posthog_distinct_id,
  COUNT(*) as requests,
  SUM(mu.cost) / 1000000.0 as cost_usd
FROM microdollar_usage mu
JOIN microdollar_usage_metadata mum ON mu.id = mum.id
WHERE mu.kilo_user_id LIKE 'anon:%' AND mum.posthog_distinct_id IS NOT NULL
GROUP BY mu.kilo_user_id, mum.posthog_distinct_id
ORDER BY requests DESC LIMIT 20;
