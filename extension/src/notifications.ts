import * as vscode from 'vscode';
import { failureOf, known } from './errors';
import { placeOf } from './links';
import { words, type Logger } from './logger';
import { Commands, type Action, type ActionKind, type RunResult, type Severity, type Verb } from './protocol';

type Show = (message: string, ...titles: string[]) => Thenable<string | undefined>;

/** How buttons act: the kinds that need more than the editor itself. */
export interface Presses {
  readonly logger: Logger;
  /** Run a command of the server, or a help of the editor's own. */
  run(target: string): Promise<void>;
  /** Let the server mend a problem, as the button carries it, and go on. */
  fix(target: string): Promise<void>;
}

/** The notification of a flow that ended well, as the server words it; what goes beyond it is in the output panel. */
export async function showResult(result: RunResult, presses: Presses): Promise<void> {
  if (result.details.length > 0) {
    presses.logger.show(true);
  }
  await offer(result.severity, result.headline, result.actions, presses);
}

/** The notification of anything that did not end well. */
export async function showTrouble(error: unknown, verb: Verb, presses: Presses): Promise<void> {
  const failure = failureOf(error);
  await (failure
    ? offer(failure.severity, failure.headline, failure.actions, presses)
    : showOurs(error, verb, presses));
}

async function showOurs(error: unknown, verb: Verb, presses: Presses): Promise<void> {
  const ours = known(error);
  switch (ours?.kind) {
    case 'stopped':
      return;
    case 'trouble':
      await offer('error', `${ours.message} ${ours.suggestion}`, ours.buttons, presses);
      return;
    case 'serverGone':
      await offer('error', gone(), [again(verb), output()], presses);
      return;
    default:
      presses.logger.error(words(error));
      await offer('error', unexpected(), [output()], presses);
  }
}

function again(verb: Verb): Action {
  return { kind: 'run', title: vscode.l10n.t('Run again'), target: Commands[verb].name };
}

function gone(): string {
  return vscode.l10n.t(
    'The inference server stopped while it was working. Run the command again: it picks up where it was.',
  );
}

function unexpected(): string {
  return vscode.l10n.t('Something unexpected happened. The output panel has the details.');
}

function output(): Action {
  return { kind: 'showOutput', title: vscode.l10n.t('Show output'), target: '' };
}

async function offer(
  severity: Severity,
  text: string,
  buttons: readonly Action[],
  presses: Presses,
): Promise<void> {
  if (severity === 'none') {
    return;
  }
  const show: Record<typeof severity, Show> = {
    info: vscode.window.showInformationMessage,
    warning: vscode.window.showWarningMessage,
    error: vscode.window.showErrorMessage,
  };
  const title = await show[severity](text, ...buttons.map((button) => button.title));
  const pressed = buttons.find((button) => button.title === title);
  if (pressed) {
    await press(pressed, presses);
  }
}

const PAGES: ReadonlySet<ActionKind> = new Set<ActionKind>(['openEndpoint', 'openPortal', 'openLink']);

/** Do what a button says. */
export async function press(button: Action, presses: Presses): Promise<void> {
  if (PAGES.has(button.kind)) {
    presses.logger.info(`Opening ${button.target}`);
    await vscode.env.openExternal(vscode.Uri.parse(button.target, true));
    return;
  }
  switch (button.kind) {
    case 'openFile':
      await openFile(vscode.Uri.parse(button.target, true));
      return;
    case 'fix':
      await presses.fix(button.target);
      return;
    case 'showLogs':
      await presses.run(Commands.logs.name);
      return;
    case 'run':
      await presses.run(button.target);
      return;
    default:
      presses.logger.show(true);
  }
}

/** Open a file at the place that the URI's fragment names. */
async function openFile(uri: vscode.Uri): Promise<void> {
  const { line, character } = placeOf(uri.fragment);
  const position = new vscode.Position(line, character);
  await vscode.window.showTextDocument(uri.with({ fragment: '' }), { selection: new vscode.Range(position, position) });
}
