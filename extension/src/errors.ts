import type { Button, Failure } from './protocol';

/** Something that the person can mend: what happened, what to do, and buttons that help. */
export class Trouble extends Error {
  constructor(
    message: string,
    readonly suggestion: string,
    readonly buttons: readonly Button[] = [],
  ) {
    super(message);
  }
}

/** The person pressed Cancel. */
export class Stopped extends Error {
  constructor() {
    super('Stopped.');
  }
}

/** The server went away in the middle of a request. */
export class ServerGone extends Error {
  constructor() {
    super('The inference server stopped while it was working.');
  }
}

/** The server's own words about a flow that did not end well, where the error carries them. */
export function failureOf(error: unknown): Failure | undefined {
  const data: unknown = typeof error === 'object' && error !== null && 'data' in error ? error.data : undefined;
  return isFailure(data) ? data : undefined;
}

function isFailure(data: unknown): data is Failure {
  return typeof data === 'object' && data !== null && 'code' in data && 'message' in data && 'actions' in data;
}
