import { NextResponse, type NextRequest } from 'next/server';
import { captureException } from '@sentry/nextjs';
import type { MicrodollarUsageContext } from '@/lib/processUsage';
import { accountForMicrodollarUsage, limitedHeader } from '@/lib/llm-proxy-helpers';
import { createAnonymousContext, isAnonymousContext, type AnonymousContext } from '@/lib/anonymous';
import { openRouterRequest } from '@/lib/providers';
import { getUserFromAuth } from '@/lib/user.server';
import { isFreeModel } from '@/lib/models';

type Body = { model?: unknown; stream?: boolean; max_tokens?: number; tools?: unknown[] };

export async function POST(request: NextRequest) {
  const url = new URL(request.url);
  if (!/^\/api\/(openrouter|gateway)\/chat\/completions$/.test(url.pathname)) {
    return NextResponse.json({ error: 'Invalid path' }, { status: 400 });
  }
  let body: Body;
  try {
    body = JSON.parse(await request.text());
  } catch (error) {
    captureException(error);
    return NextResponse.json({ error: 'Invalid request' }, { status: 400 });
  }
  if (typeof body?.model !== 'string' || !body.model.trim()) {
    return NextResponse.json({ error: 'Model not found' }, { status: 404 });
  }
  const model = body.model.trim().toLowerCase();
  const address = request.headers.get('x-forwarded-for')?.split(',')[0]?.trim();
  if (!address) {
    return NextResponse.json({ error: 'Unable to determine client IP' }, { status: 400 });
  }

  const auth = await getUserFromAuth({ adminOnly: false });
  let user: AnonymousContext | NonNullable<typeof auth.user>;
  if (auth.authFailedResponse) {
    if (!isFreeModel(model)) {
      return NextResponse.json({ error: { code: 'PAID_MODEL_AUTH_REQUIRED' } }, { status: 401 });
    }
    user = createAnonymousContext(address);
  } else {
    user = auth.user;
  }

  // Validate and sanitize PostHog distinct_id from header
  const rawDistinctId = request.headers.get('x-posthog-distinct-id');
  const posthogDistinctIdFromHeader =
    rawDistinctId && rawDistinctId.length <= 255 && /^[a-zA-Z0-9_-]+$/.test(rawDistinctId)
      ? rawDistinctId
      : undefined;

  const usageContext: MicrodollarUsageContext = {
    kiloUserId: user.id,
    requested_model: model,
    userAgent: limitedHeader(request, 'user-agent'),
    forwardedFor: request.headers.get('x-forwarded-for'),
    isStreaming: body.stream === true,
    posthog_distinct_id: isAnonymousContext(user)
      ? (posthogDistinctIdFromHeader ?? undefined)
      : user.google_user_email,
    max_tokens: body.max_tokens ?? null,
    status_code: null,
    editor_name: limitedHeader(request, 'x-kilocode-editorname'),
    project: limitedHeader(request, 'x-kilocode-projectid'),
    has_tools: (body.tools?.length ?? 0) > 0,
  };

  const response = await openRouterRequest({ path: '/chat/completions', body, signal: request.signal });
  usageContext.status_code = response.status;
  accountForMicrodollarUsage(response.clone(), usageContext);
  return new NextResponse(response.body, {
    status: response.status,
    headers: { 'content-type': response.headers.get('content-type') ?? 'application/json' },
  });
}
