// The model behind the backend: the same request gets the same words, tokens and cost every time.

import { createHash, randomBytes } from 'node:crypto';

const WORDS = ['the', 'value', 'returns', 'a', 'list', 'of', 'open', 'files', 'and', 'then', 'closes', 'each', 'one', 'twice'];
const PRICE = 3; // microdollars a token, for models that are not free

export function isFree(model) {
  const name = model.toLowerCase();
  return name.endsWith(':free') || name === 'openrouter/free';
}

function textOf(message) {
  const content = message?.content;
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map((part) => part?.text ?? '').join('\n');
  return '';
}

export function prompts(body) {
  const messages = Array.isArray(body.messages) ? body.messages : [];
  const system = messages.filter((message) => message?.role === 'system').map(textOf).join('\n');
  const user = messages.findLast?.((message) => message?.role === 'user');
  return { system, user: textOf(user), all: messages.map(textOf).join('\n') };
}

function words(seed) {
  const digest = createHash('sha256').update(seed).digest();
  const count = 5 + (digest[0] % 8);
  return Array.from({ length: count }, (_, index) => WORDS[digest[index + 1] % WORDS.length]);
}

/** What the model says to a request body. */
export function complete(body) {
  const { all } = prompts(body);
  const said = words(JSON.stringify([body.model, all]));
  const tool = Array.isArray(body.tools) ? body.tools[0]?.function?.name : undefined;
  const input = Math.ceil(all.length / 4) + 3;
  const total = input + said.length;
  return {
    id: `gen-${randomBytes(12).toString('hex')}`,
    created: Math.floor(Date.now() / 1000),
    model: body.model,
    words: said,
    tool,
    finish: tool === undefined ? 'stop' : 'tool_calls',
    tokens: { input, output: said.length, cached: 0 },
    cost: isFree(body.model) ? 0 : total * PRICE,
  };
}

function toolCalls(answer) {
  return [{ index: 0, id: 'call_0', type: 'function', function: { name: answer.tool, arguments: '{}' } }];
}

function usageOf(answer) {
  const { input, output, cached } = answer.tokens;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
    cost: answer.cost / 1_000_000,
  };
}

/** The reply of a request that did not ask for a stream. */
export function asJson(answer) {
  const message = { role: 'assistant', content: answer.words.join(' '), refusal: null };
  if (answer.tool !== undefined) message.tool_calls = toolCalls(answer);
  return {
    id: answer.id,
    object: 'chat.completion',
    created: answer.created,
    model: answer.model,
    provider: 'local',
    system_fingerprint: null,
    choices: [{ index: 0, message, logprobs: null, finish_reason: answer.finish }],
    usage: usageOf(answer),
  };
}

/** The chunks of a streamed reply, the last of them with the usage. */
export function asChunks(answer) {
  const base = { id: answer.id, object: 'chat.completion.chunk', created: answer.created, model: answer.model };
  const chunk = (delta, finish) => ({ ...base, choices: [{ index: 0, delta, finish_reason: finish }] });
  const chunks = [chunk({ role: 'assistant', content: '' }, null)];
  answer.words.forEach((word, index) => chunks.push(chunk({ content: index ? ` ${word}` : word }, null)));
  if (answer.tool !== undefined) chunks.push(chunk({ tool_calls: toolCalls(answer) }, null));
  chunks.push(chunk({}, answer.finish));
  chunks.push({ ...base, choices: [], usage: usageOf(answer) });
  return chunks;
}

export function asFrames(answer) {
  return [...asChunks(answer).map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`), 'data: [DONE]\n\n'];
}
