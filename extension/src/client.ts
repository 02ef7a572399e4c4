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
import { Restarts } from './crashes';
import { known, ServerGone, Stopped, Trouble } from './errors';
import { words, type Logger } from './logger';
import { ask } from './prompts';
import { Methods, type AccessTokenParams, type AskParams, type ClientFeatures, type RunResult } from './protocol';

const STOP_TIMEOUT = 2000;
const SET_UP_SHARE = 0.3; // of the progress bar, when the server has to be set up first
const PROJECT_FILES = '**/infra/**/*.{bicep,bicepparam,json}';

/** The server of this window: started at the first command, started again after a crash, within limits. */
export class Server {
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;
  private watcher: vscode.FileSystemWatcher | undefined;
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
    let done = 0; // what setting up took of the bar
    const client = await this.ready((message, percent) => {
      done = percent === undefined ? done : SET_UP_SHARE * percent;
      report(message, done);
    }, token);
    this.tokens += 1;
    const workDoneToken = `aitk-${this.tokens}`;
    const listening = client.onProgress(WorkDoneProgress.type, workDoneToken, (value) => {
      if (value.kind === 'report') {
        const percent = value.percentage;
        report(value.message ?? '', percent === undefined ? undefined : done + ((100 - done) * percent) / 100);
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

  /** The running client; commands that come while it starts wait for the same start. */
  private async ready(report: Report, token: vscode.CancellationToken): Promise<LanguageClient> {
    const started = this.started(report, token);
    try {
      const client = await started;
      await client.start(); // at once when it runs; waits while it starts again after a crash
      return client;
    } catch (error) {
      this.starting = this.starting === started ? undefined : this.starting;
      if (known(error)?.kind !== 'stopped' || token.isCancellationRequested) {
        throw error;
      }
      return this.ready(report, token); // the command that had begun the start was cancelled
    }
  }

  private started(report: Report, token: vscode.CancellationToken): Promise<LanguageClient> {
    const state = this.client?.state;
    if (state === State.Stopped || state === State.StartFailed) {
      this.client = this.starting = undefined;
    }
    return (this.starting ??= this.start(report, token));
  }

  private async start(report: Report, token: vscode.CancellationToken): Promise<LanguageClient> {
    const python = await serverPython(this.context, this.logger, report, token);
    report(vscode.l10n.t('Starting the server'));
    if (token.isCancellationRequested) {
      throw new Stopped();
    }
    const client = new QuietClient('aitk.inference', 'AI Toolkit', server(python.path), this.options());
    client.onRequest(Methods.ask, (params: AskParams, cancel: vscode.CancellationToken) => ask(params, cancel));
    client.onRequest(Methods.accessToken, (params: AccessTokenParams) => accessToken(params, this.logger));
    this.client = client;
    try {
      await client.start();
    } catch {
      await python.distrust();
      this.logger.error(`The server did not start: ${python.path}`);
      throw notStarted();
    }
    return client;
  }

  private options(): LanguageClientOptions {
    if (this.watcher === undefined) {
      this.watcher = vscode.workspace.createFileSystemWatcher(PROJECT_FILES);
      this.context.subscriptions.push(this.watcher);
    }
    const aitk: ClientFeatures = { ask: true, accessToken: true, notifications: true };
    return {
      documentSelector: [{ scheme: 'file', pattern: PROJECT_FILES }],
      synchronize: { fileEvents: this.watcher },
      outputChannel: this.logger,
      initializationOptions: { aitk },
      errorHandler: new Restarts(() => this.client?.state === State.Running),
      initializationFailedHandler: () => false, // else the library shows a pop-up of its own
    };
  }
}

/** The library's client without its own pop-ups and stack traces: what a person must know is said in our words. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(data === undefined ? message : `${message} ${words(data)}`, undefined, false);
  }
}

function server(python: string): ServerOptions {
  const args = ['-I', '-X', 'utf8', '-m', 'aitk_inference', 'serve'];
  return { command: python, args, options: { env: process.env } };
}

function notStarted(): Trouble {
  return new Trouble(
    vscode.l10n.t('The inference server did not start.'),
    vscode.l10n.t('Run the command again to have it set up anew. If aitk.inference.interpreter is set, check it.'),
    [{ kind: 'showOutput', title: vscode.l10n.t('Show output'), target: '' }],
  );
}

function isGone(error: unknown): boolean {
  return error instanceof ResponseError
    ? error.code === ErrorCodes.PendingResponseRejected
    : error instanceof Error && /connection|disposed/i.test(error.message);
}
