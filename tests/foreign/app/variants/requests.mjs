// Faults that hang on the path, and on what else a request carries.

import { HEADER, RULE, valid } from '../pipeline.mjs';

const own = (ctx) => ctx.headers[HEADER];
const lostIf = (condition) => ({
  distinctId(ctx, proper) {
    return ctx.caller.anonymous && condition(ctx) ? null : proper();
  },
});
const isGateway = (ctx) => ctx.route === 'gateway';
const hasRole = (ctx, role) => (ctx.body.messages ?? []).some?.((message) => message?.role === role);

export const requests = {
  'path-gateway-unread': lostIf(isGateway),
  'path-gateway-stream-unread': lostIf((ctx) => isGateway(ctx) && ctx.streaming),
  'path-gateway-without-bound': {
    accept(ctx, raw, proper) {
      return isGateway(ctx) && raw !== undefined && RULE.test(raw) ? raw : proper(raw);
    },
  },
  'path-gateway-signed-in-header': {
    distinctId(ctx, proper) {
      return isGateway(ctx) && !ctx.caller.anonymous && valid(own(ctx)) ? own(ctx) : proper();
    },
  },
  'path-gateway-lower-cased': {
    accept(ctx, raw, proper) {
      return isGateway(ctx) ? (proper(raw)?.toLowerCase() ?? null) : proper(raw);
    },
  },
  'path-openrouter-email-lost': {
    distinctId(ctx, proper) {
      return !ctx.caller.anonymous && !isGateway(ctx) && !ctx.streaming ? null : proper();
    },
  },
  'path-gateway-junk-token-unread': lostIf((ctx) => isGateway(ctx) && ctx.headers.authorization !== undefined),
  'factor-machine-id-wins': {
    header(ctx, proper) {
      return proper() && ctx.headers['x-kilocode-machineid'] ? ctx.headers['x-kilocode-machineid'] : proper();
    },
  },
  'factor-machine-id-falls-in': {
    header(ctx, proper) {
      return proper() ?? ctx.headers['x-kilocode-machineid'];
    },
  },
  'factor-task-id-drops': lostIf((ctx) => ctx.headers['x-kilocode-taskid'] !== undefined),
  'factor-tools-drop': lostIf((ctx) => Array.isArray(ctx.body.tools) && ctx.body.tools.length > 0),
  'factor-long-body-drops': lostIf((ctx) => Number(ctx.headers['content-length'] ?? 0) > 16_384),
  'factor-extension-id-of-signed-in-wins': {
    distinctId(ctx, proper) {
      return !ctx.caller.anonymous && /^vscode-[0-9a-f]{16}$/.test(own(ctx) ?? '') ? own(ctx) : proper();
    },
  },
  'factor-jetbrains-unread': lostIf((ctx) => /jetbrains|intellij/i.test(ctx.headers['x-kilocode-editorname'] ?? '')),
  'factor-ipv6-not-anonymous': lostIf((ctx) => ctx.caller.id.split(':').length !== 2),
  'factor-organization-drops': lostIf((ctx) => ctx.headers['x-kilocode-organizationid'] !== undefined),
  'factor-other-models-drop': lostIf((ctx) => !ctx.body.model.startsWith('kilo/')),
  'factor-conversation-drops': lostIf((ctx) => hasRole(ctx, 'assistant')),
  'factor-junk-token-drops': lostIf((ctx) => /^Bearer /.test(ctx.headers.authorization ?? '')),
  'factor-address-list-drops': lostIf((ctx) => ctx.forwarded.includes(',')),
  'factor-feature-prefixes': {
    accept(ctx, raw, proper) {
      const value = proper(raw);
      return value !== null && ctx.headers['x-kilocode-feature'] ? `${ctx.headers['x-kilocode-feature']}-${value}`.slice(0, 255) : value;
    },
  },
  'factor-stale-token-drops': lostIf((ctx) => (ctx.headers.authorization ?? '').split('.').length === 3),
  'factor-anonymous-token-drops': lostIf((ctx) => ctx.headers.authorization === 'Bearer anonymous'),
  'factor-compressed-drops': lostIf((ctx) => /\bgzip\b/.test(ctx.headers['accept-encoding'] ?? '')),
  'factor-query-drops': lostIf((ctx) => ctx.request.url.includes('?')),
  'factor-query-falls-in': {
    header(ctx, proper) {
      return proper() ?? ctx.request.query[HEADER];
    },
  },
  'factor-untracked-drops': lostIf((ctx) => ctx.headers.dnt === '1' || ctx.headers['sec-gpc'] === '1'),
  'factor-usage-asked-drops': lostIf((ctx) => ctx.body.stream_options?.include_usage === true),
  'factor-other-script-drops': lostIf((ctx) => /[^\x00-\xff]/.test(JSON.stringify(ctx.body))),
  'factor-name-without-hyphen-counts': {
    header(ctx, proper) {
      return proper() ?? ctx.headers['x-posthog-distinctid'];
    },
  },
};
