import * as vscode from 'vscode';
import { failureOf, known } from './errors';
import { words, type Logger } from './logger';
import type { Button, Failure, RunResult } from './protocol';

type Show = (message: string, ...titles: string[]) => Thenable<string | undefined>;

/** How buttons act: the kinds that need more than the editor itself. */
export interface Presses {
  readonly logger: Logger;
  /** Run a verb again or for the first time: `deploy`, `aitk-inference.new` … */
  run(verb: string): Promise<void>;
}

/** The notification of a flow that ended well, with the server's own buttons; a list is shown in the output panel. */
export async function showResult(result: RunResult, presses: Presses): Promise<void> {
  const [head = '', ...list] = result.summary.split('\n');
  if (list.length > 0) {
    presses.logger.show(true);
  }
  await offer(vscode.window.showInformationMessage, head.replace(/:$/, '.'), result.actions, presses);
}

/** The notification of anything that did not end well; none for what the person closed or stopped. */
export async function showTrouble(error: unknown, verb: string, presses: Presses): Promise<void> {
  const failure = failureOf(error);
  const again: Button = { kind: 'run', title: vscode.l10n.t('Run again'), target: verb };
  await (failure ? showFailure(failure, again, presses) : showOurs(error, again, presses));
}

async function showOurs(error: unknown, again: Button, presses: Presses): Promise<void> {
  const ours = known(error);
  switch (ours?.kind) {
    case 'stopped':
      return;
    case 'trouble':
      await offer(vscode.window.showErrorMessage, `${ours.message} ${ours.suggestion}`, ours.buttons, presses);
      return;
    case 'serverGone':
      await offer(vscode.window.showErrorMessage, gone(), [again, output()], presses);
      return;
    default:
      presses.logger.error(words(error));
      await offer(vscode.window.showErrorMessage, unexpected(), [output()], presses);
  }
}

function gone(): string {
  return vscode.l10n.t(
    'The inference server stopped while it was working. Run the command again: it picks up where it was.',
  );
}

function unexpected(): string {
  return vscode.l10n.t('Something unexpected happened. The output panel has the details.');
}

async function showFailure(failure: Failure, again: Button, presses: Presses): Promise<void> {
  if (failure.code === 'Dismissed') {
    return;
  }
  // A deployment's message is general, its first cause is not; other causes are places and logs for the panel.
  const cause = failure.code === 'ProvisionFailed' ? failure.causes[0] : undefined;
  const text = [failure.message, cause, failure.suggestion].filter(Boolean).join(' ');
  // The editor folds a message without buttons to one line, and these are longer.
  const buttons = failure.actions.length > 0 ? failure.actions : [again];
  await offer(manner(failure.code), text, buttons, presses);
}

function manner(code: string): Show {
  switch (code) {
    case 'Cancelled':
      return vscode.window.showInformationMessage;
    case 'Busy':
      return vscode.window.showWarningMessage;
    default:
      return vscode.window.showErrorMessage;
  }
}

function output(): Button {
  return { kind: 'showOutput', title: vscode.l10n.t('Show output'), target: '' };
}

async function offer(show: Show, text: string, buttons: readonly Button[], presses: Presses): Promise<void> {
  const title = await show(text, ...buttons.map((button) => button.title));
  const pressed = buttons.find((button) => button.title === title);
  if (pressed) {
    await press(pressed, presses);
  }
}

async function press(button: Button, presses: Presses): Promise<void> {
  switch (button.kind) {
    case 'openEndpoint':
    case 'openPortal':
    case 'openLink':
      presses.logger.info(`Opening ${button.target}`);
      await vscode.env.openExternal(vscode.Uri.parse(button.target, true));
      return;
    case 'openFile':
      await openFile(vscode.Uri.parse(button.target, true));
      return;
    case 'showLogs':
    case 'showOutput':
      presses.logger.show(true);
      return;
    case 'run':
      await presses.run(button.target);
  }
}

/** Open a file at the place that the URI's fragment names: `#L4,3`. */
async function openFile(uri: vscode.Uri): Promise<void> {
  const [, line = '1', column = '1'] = /^L(\d+)(?:,(\d+))?$/.exec(uri.fragment) ?? [];
  const place = new vscode.Position(Number(line) - 1, Number(column) - 1);
  await vscode.window.showTextDocument(uri.with({ fragment: '' }), { selection: new vscode.Range(place, place) });
}
