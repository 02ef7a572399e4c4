import * as vscode from 'vscode';
import type { Server } from './client.js';
import { PaletteCommands } from './commands';
import { createLogger } from './logger';

let running: Promise<Server> | undefined; // the editor calls deactivate() without arguments

/** Called at the first command; the language client and the server are loaded when a flow needs them. */
export function activate(context: vscode.ExtensionContext): void {
  const logger = createLogger();
  const load = async (): Promise<Server> => {
    const { Server: ServerOfWindow } = await import('./client.js');
    return new ServerOfWindow(context, logger);
  };
  const palette = new PaletteCommands(logger, () => (running ??= load()));
  const register = (name: string, run: () => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`aitk.inference.${name}`, run);
  context.subscriptions.push(
    logger,
    register('provision', () => palette.flow('provision')),
    register('deploy', () => palette.flow('deploy')),
    register('preview', () => palette.flow('preview')),
    register('new', () => palette.create()),
    register('showOutput', () => {
      logger.show(true);
    }),
  );
}

export async function deactivate(): Promise<void> {
  await (await running)?.stop();
}
