import { PostHog } from 'posthog-node';

export default function PostHogClient() {
  return new PostHog(process.env.POSTHOG_KEY!, { host: 'https://eu.i.posthog.com' });
}
