const UPSTREAM = 'https://openrouter.ai/api/v1';

export async function openRouterRequest(wanted: { path: string; body: unknown; signal: AbortSignal }) {
  return fetch(UPSTREAM + wanted.path, {
    method: 'POST',
    headers: { authorization: `Bearer ${process.env.OPENROUTER_API_KEY}` },
    body: JSON.stringify(wanted.body),
    signal: wanted.signal,
  });
}
