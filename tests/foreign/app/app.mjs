// One backend: routes, checks in the order of the contract, the reply, and the rows some time after it.

import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import Fastify from 'fastify';
import { rowsOf, steps } from './pipeline.mjs';
import { Store } from './store.mjs';
import { asFrames, asJson, complete, isFree } from './upstream.mjs';

const PREFIXES = ['openrouter', 'gateway'];
const MOST_TOKENS = 99_999_999_999;
const LARGEST_BODY = 8 * 1024 * 1024;
const WINDOW = 10_000; // requests an address may send before its countdown starts again

/** The steps of a variant: its own, each given the proper one to fall back on, and the proper ones. */
function stepsOf(variant) {
  const made = { ...steps };
  for (const [name, own] of Object.entries(variant)) {
    if (name in steps) made[name] = (ctx, ...rest) => own(ctx, ...rest, (...given) => steps[name](ctx, ...given));
  }
  return made;
}

function refuseMalformed(error, socket) {
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
}

function contextOf(request, route, shared) {
  const forwarded = request.headers['x-forwarded-for'] ?? request.raw.socket.remoteAddress;
  const ctx = {
    ...shared,
    route,
    request,
    headers: request.headers,
    socket: request.raw.socket,
    forwarded,
    startedAt: performance.now(),
  };
  ctx.run = (name, ...given) => shared.made[name](ctx, ...given);
  return ctx;
}

function problem(status, error) {
  return { status, body: { error } };
}

/** Why a request is not served, or null; fills in the context on its way. */
function examine(ctx, path, body) {
  if (path !== 'chat/completions') return problem(400, 'Invalid path');
  if (body === null || typeof body !== 'object') return problem(400, 'Invalid request body');
  if (typeof body.model !== 'string' || body.model.trim() === '') {
    return problem(404, { code: 404, message: 'The model could not be found' });
  }
  ctx.body = body;
  ctx.streaming = body.stream === true;
  ctx.ip = ctx.run('address');
  if (ctx.ip === '') return problem(400, 'Unable to determine client IP');
  ctx.caller = ctx.run('caller');
  if (ctx.caller.anonymous && !isFree(body.model)) {
    return problem(401, { code: 'PAID_MODEL_AUTH_REQUIRED', message: 'Sign in to use this model.' });
  }
  if (Number(body.max_tokens) > MOST_TOKENS) return problem(503, 'Service Unavailable');
  ctx.distinctId = ctx.run('distinctId');
  return ctx.run('refuse');
}

async function record(ctx) {
  await pause(ctx.run('pause'));
  const rows = ctx.run('rows', rowsOf(ctx));
  try {
    await ctx.run('save', rows);
    await ctx.run('later', rows);
  } catch (error) {
    ctx.log.warn({ reason: error.message }, 'accounting failed');
  }
}

/** Writes the rows once the connection has let go of the reply, whether it was read to its end or not. */
function recordAfter(ctx, reply, tasks) {
  const closed = new Promise((resolve) => reply.raw.once('close', resolve));
  tasks.add(
    closed.then(() => {
      ctx.aborted = !reply.raw.writableFinished;
      ctx.duration = (performance.now() - ctx.startedAt) / 1000;
      return record(ctx);
    }),
  );
}

async function* paced(frames) {
  for (const frame of frames) {
    yield frame;
    await pause(1);
  }
}

function respond(ctx, reply, tasks) {
  ctx.answer = ctx.run('answer', complete(ctx.body));
  ctx.latency = (performance.now() - ctx.startedAt) / 1000;
  recordAfter(ctx, reply, tasks);
  reply.code(ctx.answer.status ?? 200);
  if (ctx.answer.failed) return reply.send(ctx.answer.errorBody);
  if (!ctx.streaming) {
    reply.headers(ctx.run('replyHeaders', { 'content-type': 'application/json; charset=utf-8' }));
    return reply.send(JSON.stringify(ctx.run('body', asJson(ctx.answer))));
  }
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' };
  reply.headers(ctx.run('replyHeaders', headers));
  return reply.send(Readable.from(paced(ctx.run('frames', asFrames(ctx.answer)))));
}

function addCommonHeaders(app, state) {
  app.addHook('onRequest', async (request, reply) => {
    const address = request.headers['x-forwarded-for'] ?? request.raw.socket.remoteAddress;
    const left = (state.left.get(address) ?? WINDOW) - 1;
    state.left.set(address, left > 0 ? left : WINDOW);
    reply.headers({
      'x-request-id': request.id,
      'x-ratelimit-limit': WINDOW,
      'x-ratelimit-remaining': left,
      'x-content-type-options': 'nosniff',
    });
  });
}

/** A Fastify application that behaves as the variant says; `tasks` holds what it still has to write. */
export async function buildApp({ sql, user, secret, random, variant, tasks }) {
  const app = Fastify({
    bodyLimit: LARGEST_BODY,
    genReqId: () => randomUUID(),
    keepAliveTimeout: 30_000,
    forceCloseConnections: true,
    clientErrorHandler: refuseMalformed,
    ...variant.options,
  });
  const state = { left: new Map() };
  const store = new Store(sql, app.log);
  const shared = { sql, user, secret, random, state, store, log: app.log, made: stepsOf(variant) };
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (request, text) => {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  });
  addCommonHeaders(app, state);
  if (variant.plugin) variant.plugin(app, shared);
  for (const prefix of variant.prefixes ?? PREFIXES) {
    app.post(`/api/${prefix}/*`, (request, reply) => {
      const ctx = contextOf(request, prefix, shared);
      const refused = examine(ctx, request.params['*'], request.body ?? null);
      if (refused === null) return respond(ctx, reply, tasks);
      return reply.code(refused.status).send(variant.errorBody ? variant.errorBody(refused) : refused.body);
    });
  }
  await app.ready();
  return app;
}
