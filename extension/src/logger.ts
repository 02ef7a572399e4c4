import * as vscode from 'vscode';

/** The output panel **AI Toolkit**: the server writes there too. */
export type Logger = vscode.LogOutputChannel;

export function createLogger(): Logger {
  return vscode.window.createOutputChannel('AI Toolkit', { log: true });
}

/** What an unknown thrown value says. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
