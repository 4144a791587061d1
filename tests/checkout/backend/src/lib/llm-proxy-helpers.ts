import { after } from 'next/server';
import { countAndStoreUsage, type MicrodollarUsageContext } from '@/lib/processUsage';

const LIMIT = 500;

export function limitedHeader(request: { headers: Headers }, name: string): string | null {
  return request.headers.get(name)?.slice(0, LIMIT)?.trim() || null;
}

export function accountForMicrodollarUsage(response: Response, usageContext: MicrodollarUsageContext) {
  after(countAndStoreUsage(response, usageContext));
}
