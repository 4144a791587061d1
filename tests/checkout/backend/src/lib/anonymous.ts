export type AnonymousContext = { id: string; isAnonymous: true };

export function createAnonymousContext(address: string): AnonymousContext {
  return { id: `anon:${address}`, isAnonymous: true };
}

export function isAnonymousContext(user: object): user is AnonymousContext {
  return 'isAnonymous' in user;
}
