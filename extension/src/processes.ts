import { spawn } from 'node:child_process';
import type * as vscode from 'vscode';
import type { Environment } from './environment';
import { Stopped } from './errors';

export interface Done {
  readonly code: number;
  readonly output: string;
}

/** Run a program to its end; each line goes to `onLine`. Cancelling ends it and throws `Stopped`. */
export async function run(
  command: string,
  args: readonly string[],
  token: vscode.CancellationToken,
  onLine: (line: string) => void = () => undefined,
  env: Environment = process.env,
): Promise<Done> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true, env });
  const cancel = token.onCancellationRequested(() => child.kill());
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
    chunk.toString().split(/\r?\n/).filter(Boolean).forEach(onLine);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exit) => {
        resolve(exit ?? -1);
      });
    });
    if (token.isCancellationRequested) {
      throw new Stopped();
    }
    return { code, output };
  } finally {
    cancel.dispose();
  }
}
