// Faults of the orders service, each a line or two that replaces a part of the right build.
let last = null;

export const FAULTS = {
  none: {},
  "longer": { stored: origin => /^[a-z]{2}-[0-9a-f]{8,9}$/.test(origin) ? origin : null },
  "shorter": { stored: origin => /^[a-z]{2}-[0-9a-f]{7}$/.test(origin) ? origin : null },
  "any-case": { stored: origin => /^[a-z]{2}-[0-9a-f]{8}$/i.test(origin) ? origin : null },
  "not-anchored": { stored: origin => /^[a-z]{2}-[0-9a-f]{8}/.exec(origin)?.[0] ?? null },
  "more-letters": { stored: origin => /^[a-z]{2}-[0-9a-g]{8}$/.test(origin) ? origin : null },
  "lowered": { stored: origin => /^[a-z]{2}-[0-9a-f]{8}$/.test(origin.toLowerCase()) ? origin.toLowerCase() : null },
  "last-line": { counted: lines => lines.at(-1) },
  "joined-lines": { counted: lines => lines.join(", ") },
  "row-lost": { audits: (origin, value) => origin === undefined || value !== null },
  "other-column": { path: (origin, path) => origin === undefined ? path : `${path}?${origin.length}` },
  "reply-altered": { reply: (order, value) => value === null ? { order, accepted: true } : { order, accepted: true, value } },
  "refused": { status: (origin, value) => origin !== undefined && value === null ? 400 : 201 },
  "remembered": { remember: value => { last = value ?? last; }, remembered: () => last },
  "dot-behind-q": { stored: origin => /^([a-z]{2}|q\.)-[0-9a-f]{8}$/.test(origin) ? origin : null },
  "never-stored": { stored: () => null },
};
