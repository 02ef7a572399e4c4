import * as vscode from 'vscode';
import { complaint } from './answers';
import type { AskParams, AskResult, Question } from './protocol';

/** One answer, `back` to the question before, or undefined when the person closed it. */
type Reply = { readonly answer: string } | 'back' | undefined;

/** Where a question stands in its batch. */
interface Place {
  readonly title: string;
  readonly step: number;
  readonly steps: number;
}

/** Ask a batch of questions one after the other, with a way back; no answers when one is closed. */
export async function ask(params: AskParams, token: vscode.CancellationToken): Promise<AskResult> {
  const answers: Record<string, string> = {};
  let index = 0;
  for (let question = params.questions[0]; question; question = params.questions[index]) {
    const place = { title: params.title, step: index + 1, steps: params.questions.length };
    const reply = await askOne(question, place, answers[question.name], token);
    if (reply === undefined) {
      return {};
    }
    if (reply !== 'back') {
      answers[question.name] = reply.answer;
    }
    index += reply === 'back' ? -1 : 1;
  }
  return { answers };
}

async function askOne(
  question: Question,
  place: Place,
  given: string | undefined,
  token: vscode.CancellationToken,
): Promise<Reply> {
  switch (question.kind) {
    case 'choice':
      return choose(question, place, given, token);
    case 'confirm':
      return confirm(question);
    case 'text':
      return type(question, place, given ?? question.default ?? '', token);
    case 'secret':
      return type(question, place, '', token);
  }
}

async function confirm(question: Question): Promise<Reply> {
  const options = { modal: true, detail: question.detail };
  const pressed = await vscode.window.showWarningMessage(question.prompt, options, question.yesLabel);
  return pressed === undefined ? undefined : { answer: 'yes' };
}

interface Item extends vscode.QuickPickItem {
  readonly value: string | undefined;
}

async function choose(
  question: Question,
  place: Place,
  given: string | undefined,
  token: vscode.CancellationToken,
): Promise<Reply> {
  const picked = await pick(question, place, given ?? question.default, token);
  if (picked === undefined || picked === 'back') {
    return picked;
  }
  if (picked.value !== undefined) {
    return { answer: picked.value };
  }
  const typed = await type(question, { ...place, step: 0 }, '', token);
  return typed === 'back' ? choose(question, place, given, token) : typed;
}

async function pick(
  question: Question,
  place: Place,
  preselected: string | undefined,
  token: vscode.CancellationToken,
): Promise<Item | 'back' | undefined> {
  const box = vscode.window.createQuickPick<Item>();
  const items = question.options.map((o) => ({ label: o.label, description: o.description, value: o.value }));
  box.items = [...createItem(question), ...items];
  box.activeItems = box.items.filter((item) => item.value !== undefined && item.value === preselected);
  box.placeholder = question.prompt;
  box.matchOnDescription = true;
  return shown(box, place, token, () => box.selectedItems[0]);
}

function createItem(question: Question): Item[] {
  const label = question.createLabel;
  return label === undefined ? [] : [{ label: `$(add) ${label}`, value: undefined, alwaysShow: true }];
}

async function type(
  question: Question,
  place: Place,
  value: string,
  token: vscode.CancellationToken,
): Promise<Reply> {
  const box = vscode.window.createInputBox();
  const naming = question.kind === 'choice';
  box.value = value;
  box.password = question.kind === 'secret';
  box.prompt = naming ? vscode.l10n.t('Type a name') : question.prompt;
  box.placeholder = naming ? (question.createLabel ?? '').replace(/…$/, '') : question.patternHint;
  const check = (): boolean => {
    box.validationMessage = said(question, box.value);
    return box.validationMessage === undefined;
  };
  box.onDidChangeValue(() => {
    box.validationMessage = undefined;
  });
  return shown(box, place, token, () => (check() ? { answer: box.value.trim() } : undefined));
}

/** The words about a typed answer that can't be taken; undefined when it can. */
function said(question: Question, value: string): string | undefined {
  switch (complaint(question, value)) {
    case 'empty':
      return vscode.l10n.t('Type something, or press Escape.');
    case 'form':
      return question.patternHint || vscode.l10n.t('This does not have the right form.');
    case undefined:
      return undefined;
  }
}

/** Show a box until it is accepted with a value, closed, or withdrawn by the server. */
async function shown<T>(
  box: vscode.QuickPick<Item> | vscode.InputBox,
  place: Place,
  token: vscode.CancellationToken,
  accept: () => T | undefined,
): Promise<T | 'back' | undefined> {
  box.title = place.title;
  box.ignoreFocusOut = true;
  if (place.steps > 1 && place.step > 0) {
    box.step = place.step;
    box.totalSteps = place.steps;
  }
  box.buttons = place.step === 1 ? [] : [vscode.QuickInputButtons.Back];
  const result = await new Promise<T | 'back' | undefined>((resolve) => {
    box.onDidTriggerButton(() => {
      resolve('back');
    });
    box.onDidAccept(() => {
      const value = accept();
      if (value !== undefined) {
        resolve(value);
      }
    });
    box.onDidHide(() => {
      resolve(undefined);
    });
    token.onCancellationRequested(() => {
      resolve(undefined);
    });
    box.show();
  });
  box.dispose();
  return result;
}
