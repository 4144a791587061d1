import { randomUUID } from 'crypto';
import { sql, type SQL } from 'drizzle-orm';
import { captureException, startSpan } from '@sentry/nextjs';
import { db } from './drizzle';
import PostHogClient from '@/lib/posthog';

const posthogClient = PostHogClient();

export type MicrodollarUsageContext = {
  kiloUserId: string;
  requested_model: string;
  userAgent: string | null;
  forwardedFor: string | null;
  isStreaming: boolean;
  /** The user's e-mail, by which analytics knows a signed-in user. */
  posthog_distinct_id?: string;
  max_tokens: number | null;
  status_code: number | null;
  editor_name: string | null;
  project: string | null;
  has_tools: boolean;
};

export type UsageStats = {
  messageId: string | null;
  model: string | null;
  hasError: boolean;
  streamed: boolean;
};

export function extractUsageContextInfo(usageContext: MicrodollarUsageContext) {
  return {
    kilo_user_id: usageContext.kiloUserId,
    requested_model: usageContext.requested_model,
    project_id: usageContext.project,
    http_user_agent: usageContext.userAgent,
    http_ip: usageContext.forwardedFor,
    max_tokens: usageContext.max_tokens,
    status_code: usageContext.status_code,
    editor_name: usageContext.editor_name,
    has_tools: usageContext.has_tools,
  };
}

export type UsageContextInfo = ReturnType<typeof extractUsageContextInfo>;

export type CoreUsage = {
  id: string;
  kilo_user_id: string;
  model: string | null;
  requested_model: string;
  has_error: boolean;
  project_id: string | null;
};

export type UsageMetaData = {
  id: string;
  message_id: string;
  created_at: string;
  http_user_agent: string | null;
  http_ip: string | null;
  max_tokens: number | null;
  status_code: number | null;
  editor_name: string | null;
  has_tools: boolean | null;
  streamed: boolean | null;
};

export function toInsertableDbUsageRecord(stats: UsageStats, info: UsageContextInfo) {
  const id = randomUUID();
  const { kilo_user_id, requested_model, project_id, ...metadataFromContext } = info;
  const core: CoreUsage = {
    id,
    kilo_user_id,
    model: stats.model,
    requested_model,
    has_error: stats.hasError,
    project_id,
  };
  const metadata: UsageMetaData = {
    ...metadataFromContext,
    id,
    created_at: new Date().toISOString(),
    message_id: stats.messageId ?? '<missing>',
    streamed: stats.streamed,
  };
  return { core, metadata };
}

export async function logMicrodollarUsage(stats: UsageStats, usageContext: MicrodollarUsageContext) {
  const info = extractUsageContextInfo(usageContext);
  const { core, metadata } = toInsertableDbUsageRecord(stats, info);
  await saveUsageRelatedData(core, metadata, usageContext.posthog_distinct_id ?? null);
}

async function saveUsageRelatedData(
  core: CoreUsage,
  metadata: UsageMetaData,
  posthog_distinct_id: string | null
) {
  await insertUsageRecord(core, metadata);
  if (posthog_distinct_id) {
    posthogClient.capture({ distinctId: posthog_distinct_id, event: 'usage', properties: { model: core.model } });
  }
}

export async function insertUsageRecord(core: CoreUsage, metadata: UsageMetaData) {
  try {
    await startSpan({ name: 'insert usage', op: 'db.query' }, async () => {
      for (let attempt = 0; ; attempt++) {
        try {
          return await insertUsageAndMetadata(core, metadata);
        } catch (error) {
          if (attempt >= 2) throw error;
        }
      }
    });
  } catch (error) {
    console.error('insertUsageRecord failed', error);
    captureException(error);
  }
}

const lookup = (table: SQL, value: string | null): SQL => sql`
${table}_new AS (
  INSERT INTO ${table} (${table}) SELECT ${value}::text WHERE ${value}::text IS NOT NULL
  ON CONFLICT (${table}) DO UPDATE SET ${table} = EXCLUDED.${table}
  RETURNING ${table}_id
)`;

async function insertUsageAndMetadata(core: CoreUsage, metadataFields: UsageMetaData) {
  await db.execute(sql`
    WITH usage_new AS (
      INSERT INTO microdollar_usage (
        id, kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens,
        model, requested_model, has_error, project_id
      ) VALUES (
        ${core.id}, ${core.kilo_user_id}, 0, 7, 5, 0, 0,
        ${core.model}, ${core.requested_model}, ${core.has_error}, ${core.project_id}
      )
    ),
    ${lookup(sql`http_user_agent`, metadataFields.http_user_agent)},
    ${lookup(sql`http_ip`, metadataFields.http_ip)},
    ${lookup(sql`editor_name`, metadataFields.editor_name)}
    INSERT INTO microdollar_usage_metadata (
      id,
      message_id,
      created_at,
      max_tokens,
      status_code,
      streamed,
      has_tools,
      http_user_agent_id,
      http_ip_id,
      editor_name_id
    )
    SELECT
      ${metadataFields.id},
      ${metadataFields.message_id},
      ${metadataFields.created_at},
      ${metadataFields.max_tokens},
      ${metadataFields.status_code},
      ${metadataFields.streamed},
      ${metadataFields.has_tools},
      (SELECT http_user_agent_id FROM http_user_agent_new),
      (SELECT http_ip_id FROM http_ip_new),
      (SELECT editor_name_id FROM editor_name_new)
  `);
}

export async function countAndStoreUsage(response: Response, usageContext: MicrodollarUsageContext) {
  const text = await response.text();
  const last = usageContext.isStreaming ? lastEvent(text) : JSON.parse(text);
  await logMicrodollarUsage(
    {
      messageId: last?.id ?? null,
      model: last?.model ?? usageContext.requested_model,
      hasError: response.status >= 400,
      streamed: usageContext.isStreaming,
    },
    usageContext
  );
}

function lastEvent(text: string): { id?: string; model?: string } | null {
  const events = text
    .split('\n')
    .filter(line => line.startsWith('data: {'))
    .map(line => JSON.parse(line.slice('data: '.length)));
  return events[events.length - 1] ?? null;
}
