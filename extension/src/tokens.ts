const SOON = 300; // seconds

/** When a JSON web token ends, in seconds since 1970; soon when it does not say. `now` is in milliseconds. */
export function expiry(token: string, now: number): number {
  const soon = Math.floor(now / 1000) + SOON;
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const end = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined;
    return typeof end === 'number' ? end : soon;
  } catch {
    return soon;
  }
}
