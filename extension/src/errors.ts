// Told apart by `kind`, not by class: the two bundles each have their own copy of these classes.
import type { Action, Failure } from './protocol';

/** Something that the person can mend: what happened, what to do, and buttons that help. */
export class Trouble extends Error {
  readonly kind = 'trouble';

  constructor(
    message: string,
    readonly suggestion: string,
    readonly buttons: readonly Action[] = [],
  ) {
    super(message);
  }
}

/** The person pressed Cancel. */
export class Stopped extends Error {
  readonly kind = 'stopped';

  constructor() {
    super('Stopped.');
  }
}

/** The server went away in the middle of a request. */
export class ServerGone extends Error {
  readonly kind = 'serverGone';

  constructor() {
    super('The inference server stopped while it was working.');
  }
}

export type Known = Trouble | Stopped | ServerGone;

/** One of our own errors, from either bundle. */
export function known(error: unknown): Known | undefined {
  const kind = error instanceof Error && 'kind' in error ? error.kind : undefined;
  return kind === 'trouble' || kind === 'stopped' || kind === 'serverGone' ? (error as Known) : undefined;
}

/** The server's own words about a flow that did not end well, where the error carries them. */
export function failureOf(error: unknown): Failure | undefined {
  const data: unknown = typeof error === 'object' && error !== null && 'data' in error ? error.data : undefined;
  return isFailure(data) ? data : undefined;
}

function isFailure(data: unknown): data is Failure {
  return typeof data === 'object' && data !== null && 'severity' in data && 'headline' in data && 'actions' in data;
}
