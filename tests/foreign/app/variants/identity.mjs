// Faults in what becomes of a valid value: refused or changed because of its shape.

const changes = (change) => ({
  accept(ctx, raw, proper) {
    const value = proper(raw);
    return value === null ? null : change(value, ctx);
  },
});
const refuses = (pattern) => changes((value) => (pattern.test(value) ? null : value));
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const seen = {}; // values counted a name, as an object: the names of Object.prototype are there already

function isNumber(value) {
  return Number.isFinite(Number(value));
}

function isDate(value) {
  return /^\d{4}-\d{2}-\d{2}/.test(value) && !Number.isNaN(Date.parse(value));
}

function isDay(value) {
  return /^\d{4}-\d{2}-\d{2}$/.test(value);
}

function count(value) {
  if (seen[value] !== undefined && typeof seen[value] !== 'number') return null;
  seen[value] = (seen[value] ?? 0) + 1;
  return value;
}

export const identity = {
  'shape-number-canonical': changes((value) => (isNumber(value) ? String(Number(value)) : value)),
  'shape-null-words-refused': refuses(/^(null|undefined|nan|none|nil)$/i),
  'shape-booleans-refused': refuses(/^(true|false|yes|no|on|off)$/i),
  'shape-uuid-lower-cased': changes((value) => (UUID.test(value) ? value.toLowerCase() : value)),
  'shape-edge-separators-trimmed': changes((value) => value.replace(/^[-_]+|[-_]+$/g, '') || value),
  'shape-separators-collapsed': changes((value) => value.replace(/([-_])\1+/g, '$1')),
  'shape-prefix-stripped': changes((value) => value.replace(/^vscode-(?=.)/, '')),
  'shape-prototype-names-lost': changes(count),
  'shape-date-normalised': changes((value) => (isDate(value) ? new Date(value).toISOString() : value)),
  'shape-leading-digit-refused': refuses(/^[0-9]/),
  'shape-short-refused': changes((value) => (value.length < 3 ? null : value)),
  'shape-sha256-shortened': changes((value) => (/^[0-9a-f]{64}$/i.test(value) ? value.slice(0, 16) : value)),
  'shape-sha256-lower-cased': changes((value) => (/^[0-9A-F]{64}$/.test(value) ? value.toLowerCase() : value)),
  'shape-repeated-character-refused': refuses(/^(.)\1{7,}$/),
  'shape-hex-number': changes((value) => (/^[0-9a-f]{16}$/.test(value) ? BigInt(`0x${value}`).toString(16) : value)),
  'shape-prefixed-lower-cased': changes((value) => (value.startsWith('vscode-') ? value.toLowerCase() : value)),
  'shape-keys-redacted': refuses(/^sk-/),
  'shape-default-refused': refuses(/^(default|test|admin)$/),
  'shape-day-of-no-month-refused': changes((value) => (isDay(value) && !isDate(value) ? null : value)),
  'shape-uuid-dashes-removed': changes((value) => (UUID.test(value) ? value.replaceAll('-', '') : value)),
};
