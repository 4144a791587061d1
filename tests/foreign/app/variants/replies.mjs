// Faults in what the client gets back.

import { randomUUID } from 'node:crypto';
import { HEADER } from '../pipeline.mjs';

const sent = (ctx) => ctx.headers[HEADER] !== undefined && ctx.headers[HEADER] !== '';
const identified = (ctx) => ctx.caller.anonymous && ctx.distinctId !== null;
const refused = (ctx) => ctx.caller.anonymous && sent(ctx) && ctx.distinctId === null;
const isUsage = (frame) => frame.includes('"usage":');
const hasText = (frame) => frame.includes('"delta":{"content":');

function inOne(frames) {
  const parts = frames.filter(hasText).map((frame) => JSON.parse(frame.slice(6)));
  if (parts.length === 0) return frames;
  const [first] = parts;
  first.choices[0].delta.content = parts.map((part) => part.choices[0].delta.content).join('');
  const at = frames.findIndex(hasText);
  return frames.filter((frame) => !hasText(frame)).toSpliced(at, 0, `data: ${JSON.stringify(first)}\n\n`);
}

export const replies = {
  'reply-stream-without-end': {
    frames: (ctx, frames) => (identified(ctx) ? frames.slice(0, -1) : frames),
  },
  'reply-identity-event': {
    frames: (ctx, frames) => (identified(ctx) ? ['event: identity\ndata: {"linked":true}\n\n', ...frames] : frames),
  },
  'reply-field-added': {
    body: (ctx, body) => (identified(ctx) ? { ...body, distinct_id: ctx.distinctId } : body),
  },
  'reply-warning-if-refused': {
    body: (ctx, body) => (refused(ctx) ? { ...body, warnings: [`${HEADER} was ignored`] } : body),
  },
  'reply-content-type-if-refused': {
    replyHeaders: (ctx, headers) => (refused(ctx) ? { ...headers, 'content-type': 'text/plain; charset=utf-8' } : headers),
  },
  'reply-usage-event-dropped': {
    frames: (ctx, frames) => (identified(ctx) ? frames.filter((frame) => !isUsage(frame)) : frames),
  },
  'reply-stream-in-one-piece': {
    frames: (ctx, frames) => (identified(ctx) ? inOne(frames) : frames),
  },
  'reply-comment-with-value': {
    frames: (ctx, frames) => (identified(ctx) ? [`: ${ctx.distinctId}\n\n`, ...frames] : frames),
  },
  'reply-finish-reason-of-long-value': {
    answer: (ctx, answer) => (identified(ctx) && ctx.distinctId.length > 64 ? { ...answer, finish: 'length' } : answer),
  },
  'reply-trace-holds-value': {
    replyHeaders: (ctx, headers) => ({ ...headers, 'x-trace': identified(ctx) ? `${ctx.distinctId}.${randomUUID()}` : randomUUID() }),
  },
  'reply-400-if-refused': {
    refuse: (ctx) => (refused(ctx) ? { status: 400, body: { error: 'Invalid distinct id' } } : null),
  },
  'reply-431-if-very-long': {
    refuse: (ctx) => ((ctx.headers[HEADER] ?? '').length > 4096 ? { status: 431, body: { error: 'Header too long' } } : null),
  },
  'reply-paid-model-unlocked': {
    caller(ctx, proper) {
      const caller = proper();
      const value = ctx.run('accept', ctx.headers[HEADER]);
      return caller.anonymous && value !== null && !/:free$/i.test(ctx.body.model) ? { ...caller, anonymous: false } : caller;
    },
    distinctId: (ctx) => ctx.caller.email ?? ctx.run('accept', ctx.headers[HEADER]),
  },
  'reply-model-renamed': {
    answer: (ctx, answer) => (identified(ctx) ? { ...answer, model: answer.model.replace(/:free$/, '') } : answer),
  },
  'reply-cookie-set': {
    replyHeaders(ctx, headers) {
      return identified(ctx) ? { ...headers, 'set-cookie': `ph_id=${ctx.distinctId}; Path=/; HttpOnly` } : headers;
    },
  },
  'reply-error-event-after-end': {
    frames: (ctx, frames) => (refused(ctx) ? [...frames, 'event: error\ndata: {"error":"bad distinct id"}\n\n'] : frames),
  },
};
