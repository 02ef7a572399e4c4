import { CloseAction, ErrorAction, type CloseHandlerResult, type ErrorHandler, type ErrorHandlerResult } from 'vscode-languageclient/node';

const MOST = 3;
const WITHIN = 3 * 60 * 1000; // milliseconds
const MOST_ERRORS = 3;

/**
 * After a crash the server is started again, three times within three minutes; then it rests until the next command.
 * One that ended before it ever answered is not started again: the command that wanted it says so.
 */
export class Restarts implements ErrorHandler {
  private crashes: number[] = [];

  constructor(private readonly wasRunning: () => boolean) {}

  error(_error: Error, _message: unknown, count: number | undefined): ErrorHandlerResult {
    const few = count !== undefined && count <= MOST_ERRORS;
    return { action: few ? ErrorAction.Continue : ErrorAction.Shutdown, handled: true };
  }

  closed(): CloseHandlerResult {
    if (!this.wasRunning()) {
      return { action: CloseAction.DoNotRestart, message: 'The server ended while it started.', handled: true };
    }
    const now = Date.now();
    this.crashes = [...this.crashes.filter((then) => now - then < WITHIN), now];
    return this.crashes.length <= MOST
      ? { action: CloseAction.Restart, message: 'The server stopped. It is started again.', handled: true }
      : { action: CloseAction.DoNotRestart, message: resting(), handled: true };
  }
}

function resting(): string {
  return `The server stopped ${MOST + 1} times within ${WITHIN / 60_000} minutes. The next command starts it again.`;
}
