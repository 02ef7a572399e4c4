import * as vscode from 'vscode';
import { PROJECT_CONTEXT } from './protocol';

/** Show the palette's entries that need a project where one is open; true where it may have been provisioned. */
export async function showEntries(): Promise<boolean> {
  const has = async (pattern: string): Promise<boolean> =>
    (await vscode.workspace.findFiles(pattern, '**/node_modules/**', 1)).length > 0;
  await vscode.commands.executeCommand('setContext', PROJECT_CONTEXT, await has('infra/**'));
  return has('infra/inference.config.json');
}
