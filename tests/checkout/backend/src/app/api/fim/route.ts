import type { MicrodollarUsageContext } from '@/lib/processUsage';

export function contextOf(user: { id: string; google_user_email: string }): Partial<MicrodollarUsageContext> {
  return { kiloUserId: user.id, posthog_distinct_id: user.google_user_email };
}
