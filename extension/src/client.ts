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
import { Channels } from './channels';
import { Restarts } from './crashes';
import { Documents } from './documents';
import { known, ServerGone, Stopped, Trouble } from './errors';
import { words, type Logger } from './logger';
import { ask } from './prompts';
import { variables } from './proxies';
import {
  Methods,
  type AccessTokenParams,
  type Action,
  type AppendParams,
  type AskParams,
  type ClientFeatures,
  type RunResult,
  type ShowParams,
  type StatusParams,
} from './protocol';
import { StatusBar } from './statusBar';

const STOP_TIMEOUT = 2000;
const SET_UP_SHARE = 0.3; // of the progress bar, when the server has to be set up first
const PROJECT_FILES = ['**/infra/**/*.{bicep,bicepparam,json}', '**/{inference/config,adapter_config}.json'];

/** The server of this window: started at the first command, started again after a crash, within limits. */
export class Server {
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;
  private watchers: vscode.FileSystemWatcher[] = [];
  private tokens = 0;
  private readonly documents = new Documents();
  private readonly channels: Channels;
  private readonly statusBar: StatusBar;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly logger: Logger,
    press: (action: Action, project: vscode.Uri) => Promise<void>,
  ) {
    context.subscriptions.push(this.documents);
    this.channels = new Channels(context.subscriptions);
    this.statusBar = new StatusBar(context.subscriptions, press);
  }

  /** The menu of the status bar. */
  async menu(): Promise<void> {
    await this.statusBar.menu();
  }

  /** Start without a command, for the status bar: nothing is set up for it, and nobody is told. */
  async startQuietly(): Promise<void> {
    const { token } = new vscode.CancellationTokenSource();
    try {
      await serverPython(this.context, this.logger, () => undefined, token, false);
      await this.ready(() => undefined, token);
    } catch (error) {
      this.logger.debug(`The server was not started for the status bar: ${words(error)}`);
    }
  }

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
    client.onRequest(Methods.show, (params: ShowParams) => this.documents.show(params));
    client.onRequest(Methods.append, (params: AppendParams) => this.channels.append(params));
    client.onNotification(Methods.status, (params: StatusParams) => {
      this.statusBar.show(params);
    });
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
    if (this.watchers.length === 0) {
      this.watchers = PROJECT_FILES.map((pattern) => vscode.workspace.createFileSystemWatcher(pattern));
      this.context.subscriptions.push(...this.watchers);
    }
    const aitk: ClientFeatures = {
      ask: true,
      accessToken: true,
      notifications: true,
      documents: true,
      channels: true,
      status: true,
    };
    return {
      documentSelector: PROJECT_FILES.map((pattern) => ({ scheme: 'file', pattern })),
      synchronize: { fileEvents: this.watchers },
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
  return { command: python, args, options: { env: { ...variables() } } };
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
