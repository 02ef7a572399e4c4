// The second bundle: the language client, loaded at the first command.
import * as vscode from 'vscode';
import {
  ErrorCodes,
  ExecuteCommandRequest,
  LanguageClient,
  ResponseError,
  State,
  WorkDoneProgress,
  type LanguageClientOptions,
  type ServerOptions,
} from 'vscode-languageclient/node';
import { accessToken } from './auth';
import { serverPython, type Report } from './bootstrap';
import { ServerGone, Stopped } from './errors';
import type { Logger } from './logger';
import { ask } from './prompts';
import { Methods, type AccessTokenParams, type AskParams, type ClientFeatures, type RunResult } from './protocol';

const STOP_TIMEOUT = 2000;
const PROJECT_FILES = '**/infra/**/*.{bicep,bicepparam,json}';
const MAX_RESTARTS = 3; // within three minutes

/** The server of this window: started at the first command, started again after a crash, within limits. */
export class Server {
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;
  private tokens = 0;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly logger: Logger,
  ) {}

  /** Run a command with progress and cancellation. */
  async run(
    command: string,
    argument: object,
    report: Report,
    token: vscode.CancellationToken,
  ): Promise<RunResult> {
    const client = await this.ready(report, token);
    this.tokens += 1;
    const workDoneToken = `aitk-${this.tokens}`;
    const listening = client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
      if (value.kind === 'report') {
        report(value.message ?? '', value.percentage);
      }
    });
    try {
      const params = { command, arguments: [argument], workDoneToken };
      return (await client.sendRequest(ExecuteCommandRequest.type, params, token)) as RunResult;
    } catch (error) {
      throw isGone(error) ? new ServerGone() : error;
    } finally {
      listening.dispose();
    }
  }

  /** End the server; running flows get a moment to leave things tidy. */
  async stop(): Promise<void> {
    const client = await this.starting?.catch(() => undefined);
    if (client?.state === State.Running) {
      await client.stop(STOP_TIMEOUT);
    }
  }

  private async ready(report: Report, token: vscode.CancellationToken): Promise<LanguageClient> {
    if (this.starting === undefined || this.client?.state === State.Stopped) {
      this.client = undefined;
      this.starting = this.start(report, token);
    }
    try {
      const client = await this.starting;
      await client.start(); // at once when it runs; waits while it starts again after a crash
      return client;
    } catch (error) {
      this.starting = undefined;
      throw error;
    }
  }

  private async start(report: Report, token: vscode.CancellationToken): Promise<LanguageClient> {
    const python = await serverPython(this.context, this.logger, report, token);
    report(vscode.l10n.t('Starting the server'));
    if (token.isCancellationRequested) {
      throw new Stopped();
    }
    const client = new LanguageClient('aitk.inference', 'AI Toolkit', server(python), this.options());
    client.onRequest(Methods.ask, (params: AskParams, cancel: vscode.CancellationToken) => ask(params, cancel));
    client.onRequest(Methods.accessToken, (params: AccessTokenParams) => accessToken(params, this.logger));
    this.client = client;
    await client.start();
    return client;
  }

  private options(): LanguageClientOptions {
    const files = vscode.workspace.createFileSystemWatcher(PROJECT_FILES);
    this.context.subscriptions.push(files);
    const aitk: ClientFeatures = { ask: true, accessToken: true, notifications: true };
    return {
      documentSelector: [{ scheme: 'file', pattern: PROJECT_FILES }],
      synchronize: { fileEvents: files },
      outputChannel: this.logger,
      initializationOptions: { aitk },
      connectionOptions: { maxRestartCount: MAX_RESTARTS },
    };
  }
}

function server(python: string): ServerOptions {
  const args = ['-I', '-X', 'utf8', '-m', 'aitk_inference', 'serve'];
  return { command: python, args, options: { env: process.env } };
}

function isGone(error: unknown): boolean {
  return error instanceof ResponseError
    ? error.code === ErrorCodes.PendingResponseRejected
    : error instanceof Error && /connection|disposed/i.test(error.message);
}
