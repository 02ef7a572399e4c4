// Generated from server/aitk_inference/lsp/wire.py by `make protocol`. Do not edit.

/** What a button does; the front end decides how it looks. */
export type ActionKind = 'openEndpoint' | 'openPortal' | 'openFile' | 'showLogs' | 'showOutput' | 'run' | 'openLink';

/** How a question looks. */
export type QuestionKind = 'text' | 'choice' | 'secret' | 'confirm';

/** One pick of a choice: the value for the program, the words for the person. */
export interface Pick {
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
  readonly options: readonly Pick[];
  readonly createLabel?: string;
  readonly yesLabel: string;
  readonly detail: string;
}

/** A button under a message; `target` is a URL, a file URI or a verb, as the kind says. */
export interface Button {
  readonly kind: ActionKind;
  readonly title: string;
  readonly target: string;
}

/** An argument that a client has to pass, since nobody can be asked. */
export interface MissingArgument {
  readonly name: string;
  readonly flag: string;
  readonly prompt: string;
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

/** For what a token of the editor's own account is wanted; not interactive: only a sign-in that exists. */
export interface AccessTokenParams {
  readonly scopes: readonly string[];
  readonly tenantId?: string;
  readonly claims?: string;
  readonly interactive: boolean;
}

/** How a flow ended well. Sent at once, without waiting for a person. */
export interface RunResult {
  readonly summary: string;
  readonly endpoint?: string;
  readonly configUri?: string;
  readonly actions: readonly Button[];
  readonly data: Readonly<Record<string, unknown>>;
}

/** The `data` of the error that answers a flow which did not end well. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly suggestion: string;
  readonly link?: string;
  readonly causes: readonly string[];
  readonly actions: readonly Button[];
  readonly inputs: readonly MissingArgument[];
  readonly problems: readonly FileProblem[];
}

/** What a client announces in `initializationOptions.aitk`. */
export interface ClientFeatures {
  readonly ask?: boolean;
  readonly accessToken?: boolean;
  readonly notifications?: boolean;
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

/** Answers that are already known; the others are asked. `subscription` may be `local`. */
export interface ProvisionArguments {
  readonly projectUri?: string;
  readonly subscription?: string;
  readonly resourceGroup?: string;
  readonly location?: string;
  readonly planOnly?: boolean;
  readonly again?: boolean;
  readonly assumeYes?: boolean;
}

/** What to deploy and how far to wait. */
export interface DeployArguments {
  readonly projectUri?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly assumeYes?: boolean;
}

/** Whose status. */
export interface StatusArguments {
  readonly projectUri?: string;
}

/** The folder that becomes a project. */
export interface NewArguments {
  readonly projectUri?: string;
}

/** Requests that the server sends. */
export const Methods = {
  ask: 'workspace/aitk/ask',
  accessToken: 'workspace/aitk/accessToken',
} as const;

/** Commands of workspace/executeCommand. */
export const Commands = {
  provision: 'aitk-inference.provision',
  deploy: 'aitk-inference.deploy',
  status: 'aitk-inference.status',
  new: 'aitk-inference.new',
} as const;

/** The section of the settings. */
export const SETTINGS = 'aitk.inference';
