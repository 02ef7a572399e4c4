import * as vscode from 'vscode';
import type { Server } from './client.js';
import { PaletteCommands } from './commands';
import { showEntries } from './contexts';
import { createLogger } from './logger';
import { PALETTE } from './protocol';

let running: Promise<Server> | undefined; // the editor calls deactivate() without arguments

/** Called at the first command, or where a project is open; the language client and the server are loaded when a flow needs them. */
export function activate(context: vscode.ExtensionContext): void {
  const logger = createLogger();
  const load = async (): Promise<Server> => {
    const { Server: ServerOfWindow } = await import('./client.js');
    return new ServerOfWindow(context, logger, (action, project) => palette.press(action, project));
  };
  const server = (): Promise<Server> => (running ??= load());
  const palette = new PaletteCommands(logger, server);
  const register = (name: string, run: () => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`aitk.inference.${name}`, run);
  context.subscriptions.push(
    logger,
    ...PALETTE.map((verb) => register(verb, () => palette.call(verb))),
    register('showOutput', () => {
      logger.show(true);
    }),
    register('statusMenu', async () => (await server()).menu()),
  );
  void begin(server);
}

/** Show what belongs to a project where one is open; its server starts for the status bar. */
async function begin(server: () => Promise<Server>): Promise<void> {
  if ((await showEntries()) && vscode.workspace.isTrusted) {
    await (await server()).startQuietly();
  }
}

export async function deactivate(): Promise<void> {
  await (await running)?.stop();
}
