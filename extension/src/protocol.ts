// Generated from server/aitk_inference/lsp by `make protocol`. Do not edit.

/** What a button does; the front end decides how it looks. */
export type ActionKind = 'openEndpoint' | 'openPortal' | 'openFile' | 'showLogs' | 'showOutput' | 'run' | 'openLink' | 'fix';

/** How a question looks. */
export type QuestionKind = 'text' | 'choice' | 'secret' | 'confirm';

/** How a result or a failure is shown; `none`: not at all, the person knows. */
export type Severity = 'none' | 'info' | 'warning' | 'error';

/** One pick of a choice: the value for the program, the words for the person. */
export interface Option {
  readonly value: string;
  readonly label: string;
  readonly description: string;
}

/** One question; which fields matter depends on its kind. A confirmation is answered `yes` or `no`. */
export interface Question {
  readonly kind: QuestionKind;
  readonly name: string;
  readonly prompt: string;
  readonly default?: string;
  readonly pattern?: string;
  readonly patternHint: string;
  readonly options: readonly Option[];
  readonly createLabel?: string;
  readonly yesLabel: string;
  readonly detail: string;
}

/** A button under a message. */
export interface Action {
  readonly kind: ActionKind;
  readonly title: string;
  readonly target: string;
}

/** An answer that nobody can be asked for. */
export interface MissingInput {
  readonly name: string;
  readonly flag: string;
  readonly prompt: string;
  readonly detail: string;
}

/** Something wrong at a place in a file; line and column count from zero. */
export interface FileProblem {
  readonly uri: string;
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

/** Questions that do not depend on each other, to be asked in this order. */
export interface AskParams {
  readonly title: string;
  readonly questions: readonly Question[];
}

/** For what a token of the editor's own account is wanted. */
export interface AccessTokenParams {
  readonly scopes: readonly string[];
  readonly tenantId?: string;
  readonly claims?: string;
  readonly interactive: boolean;
  readonly wwwAuthenticate?: string;
}

/** A document to be read: Markdown with its pictures in it, shown as a page and kept in no file. */
export interface ShowParams {
  readonly title: string;
  readonly markdown: string;
}

/** Text for an output channel of its own; the next comes once this is shown, so that a slow editor is not flooded. */
export interface AppendParams {
  readonly channel: string;
  readonly text: string;
  readonly reveal: boolean;
}

/** What the status bar says of a project. */
export interface StatusParams {
  readonly projectUri: string;
  readonly text: string;
  readonly tooltip: string;
  readonly severity: Severity;
  readonly menu: readonly Action[];
}

/** How a flow ended well. Sent at once, without waiting for a person. */
export interface RunResult {
  readonly summary: string;
  readonly severity: Severity;
  readonly headline: string;
  readonly details: readonly string[];
  readonly endpoint?: string;
  readonly configUri?: string;
  readonly actions: readonly Action[];
  readonly data: Readonly<Record<string, unknown>>;
}

/** The `data` of the error that answers a flow which did not end well. */
export interface Failure {
  readonly code: string;
  readonly severity: Severity;
  readonly headline: string;
  readonly message: string;
  readonly suggestion: string;
  readonly link?: string;
  readonly details: readonly string[];
  readonly causes: readonly string[];
  readonly actions: readonly Action[];
  readonly inputs: readonly MissingInput[];
  readonly problems: readonly FileProblem[];
}

/** What a client announces in `initializationOptions.aitk`. */
export interface ClientFeatures {
  readonly ask?: boolean;
  readonly accessToken?: boolean;
  readonly notifications?: boolean;
  readonly documents?: boolean;
  readonly channels?: boolean;
  readonly status?: boolean;
}

/** An answer for each question's name; `answers` is left out when the person closed a question. */
export interface AskResult {
  readonly answers?: Readonly<Record<string, string>>;
}

/** A token and when it ends (seconds since 1970); `token` is left out when the person refused. */
export interface AccessTokenResult {
  readonly token?: string;
  readonly expiresOn?: number;
}

/** Whether it is shown. */
export interface ShowResult {
  readonly shown?: boolean;
}

/** The text is shown. */
export interface AppendResult {
  readonly shown?: boolean;
}

/** Answers that are already known; the others are asked. */
export interface ProvisionRequest {
  readonly projectUri?: string;
  readonly subscription?: string;
  readonly resourceGroup?: string;
  readonly location?: string;
  readonly planOnly?: boolean;
  readonly assumeYes?: boolean;
  readonly again?: boolean;
  readonly checkOnly?: boolean;
  readonly whatIf?: boolean;
}

/** What mends a problem of the preflight, as the problem's button carries it. */
export interface FixRequest {
  readonly projectUri?: string;
  readonly fix: string;
}

/** What to deploy and how far to wait. */
export interface DeployRequest {
  readonly projectUri?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly assumeYes?: boolean;
  readonly readyTimeout?: number;
  readonly verify?: boolean;
  readonly restart?: boolean;
}

/** Whose files and model to check. */
export interface CheckRequest {
  readonly projectUri?: string;
}

/** Whose status. */
export interface StatusRequest {
  readonly projectUri?: string;
}

/** The project that an account is shown or chosen for. */
export interface AccountRequest {
  readonly projectUri?: string;
}

/** Whose endpoint to open. */
export interface OpenRequest {
  readonly projectUri?: string;
}

/** Which lines of whose logs. */
export interface LogsRequest {
  readonly projectUri?: string;
  readonly follow?: boolean;
  readonly system?: boolean;
  readonly both?: boolean;
  readonly tail?: number;
  readonly since?: string;
  readonly previous?: boolean;
}

/** Whose app to stop or start. */
export interface SwitchRequest {
  readonly projectUri?: string;
}

/** What to ask a project's model. */
export interface AskRequest {
  readonly projectUri?: string;
  readonly text?: string;
  readonly model?: string;
}

/** Whose page in the portal to open. */
export interface PortalRequest {
  readonly projectUri?: string;
}

/** How many replicas an app may have. */
export interface ScaleRequest {
  readonly projectUri?: string;
  readonly least?: number;
  readonly most?: number;
}

/** What to do with an app's secrets; a value is never part of it. */
export interface SecretsRequest {
  readonly projectUri?: string;
  readonly action?: string;
  readonly name?: string;
  readonly restart?: boolean;
}

/** Who may use an app's endpoint; nothing: it is asked. */
export interface ProtectRequest {
  readonly projectUri?: string;
  readonly apiKey?: boolean;
  readonly allowIp?: readonly string[];
  readonly open?: boolean;
  readonly assumeYes?: boolean;
}

/** What of a project's resources to delete. */
export interface DeleteRequest {
  readonly projectUri?: string;
  readonly subscription?: string;
  readonly resourceGroup?: string;
  readonly everything?: boolean;
  readonly shareName?: string;
  readonly assumeYes?: boolean;
}

/** A folder and a share of any account. */
export interface SyncRequest {
  readonly folderUri: string;
  readonly url: string;
  readonly dryRun?: boolean;
  readonly verify?: boolean;
  readonly assumeYes?: boolean;
}

/** The new or empty folder that becomes a project. */
export interface NewRequest {
  readonly projectUri?: string;
}

/** Requests and notifications that the server sends. */
export const Methods = {
  ask: 'workspace/aitk/ask',
  accessToken: 'workspace/aitk/accessToken',
  show: 'workspace/aitk/show',
  append: 'workspace/aitk/append',
  status: 'workspace/aitk/status',
} as const;

/** Commands of workspace/executeCommand: what a person calls them, what the palette passes. */
export const Commands = {
  provision: { name: 'aitk-inference.provision', title: 'Provision Azure Container Apps for inference', given: {} },
  plan: { name: 'aitk-inference.plan', title: 'Preview what Provision for inference would do', given: {} },
  preflight: { name: 'aitk-inference.preflight', title: 'Check what Provision for inference needs', given: {} },
  fix: { name: 'aitk-inference.fix', title: 'Provision Azure Container Apps for inference', given: {} },
  deploy: { name: 'aitk-inference.deploy', title: 'Deploy for inference', given: {} },
  preview: { name: 'aitk-inference.preview', title: 'Preview what Deploy for inference would send', given: {} },
  check: { name: 'aitk-inference.check', title: 'Check the inference project and its model', given: {} },
  status: { name: 'aitk-inference.status', title: 'Inference status', given: {} },
  account: { name: 'aitk-inference.account', title: 'Choose the Azure account and directory for inference', given: {} },
  open: { name: 'aitk-inference.open', title: 'Open inference endpoint', given: {} },
  logs: { name: 'aitk-inference.logs', title: 'Show inference logs', given: { follow: true, both: true, since: '1h', tail: 300 } },
  stopLogs: { name: 'aitk-inference.stopLogs', title: 'Stop following inference logs', given: {} },
  ask: { name: 'aitk-inference.ask', title: 'Ask the inference model', given: {} },
  portal: { name: 'aitk-inference.portal', title: 'Open inference app in the Azure portal', given: {} },
  stop: { name: 'aitk-inference.stop', title: 'Stop inference', given: {} },
  start: { name: 'aitk-inference.start', title: 'Start inference', given: {} },
  scale: { name: 'aitk-inference.scale', title: 'Scale inference', given: {} },
  secrets: { name: 'aitk-inference.secrets', title: 'Inference secrets', given: {} },
  protect: { name: 'aitk-inference.protect', title: 'Protect inference endpoint', given: {} },
  delete: { name: 'aitk-inference.delete', title: 'Delete inference resources', given: {} },
  sync: { name: 'aitk-inference.sync', title: 'Sync a folder to a share', given: {} },
  new: { name: 'aitk-inference.new', title: 'Create remote inference project', given: {} },
} as const;

/** A command of the server, by its verb. */
export type Verb = keyof typeof Commands;

/** Those with an entry in the palette: `aitk.inference.VERB`. */
export const PALETTE = ['provision', 'plan', 'preflight', 'deploy', 'preview', 'check', 'status', 'account', 'open', 'logs', 'stopLogs', 'ask', 'portal', 'stop', 'start', 'scale', 'secrets', 'protect', 'delete', 'new'] as const;

/** What is set where a project is open: it shows the palette's other entries. */
export const PROJECT_CONTEXT = 'aitk.inference.project';

/** The section of the settings. */
export const SETTINGS = 'aitk.inference';
