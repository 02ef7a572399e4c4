import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Channels } from '../src/channels';
import type { Action, StatusParams } from '../src/protocol';
import { StatusBar } from '../src/statusBar';
import { editor, reset, Uri } from './vscode';

const STOP: Action = { kind: 'run', title: '$(debug-stop) Stop', target: 'aitk-inference.stop' };

beforeEach(() => {
  reset();
  editor.folders = [{ uri: new Uri('file:///a') }, { uri: new Uri('file:///b') }];
});

const shown = () => editor.bar;

function said(projectUri: string, text: string, severity: StatusParams['severity'] = 'none'): StatusParams {
  return { projectUri, text, tooltip: 'app in rg: answering\nThe app answers.', severity, menu: [STOP] };
}

test('the status bar shows what the server says of the first folder that has something to say', () => {
  const bar = new StatusBar([], () => Promise.resolve());
  bar.show(said('file:///a', ''));
  assert.equal(shown()?.visible, false);
  bar.show(said('file:///b', '$(error) Inference: failed', 'error'));
  assert.equal(shown()?.visible, true);
  assert.equal(shown()?.text, '$(error) Inference: failed');
  assert.equal(shown()?.backgroundColor?.id, 'statusBarItem.errorBackground');
  bar.show(said('file:///a', '$(pass-filled) Inference: answering'));
  assert.equal(shown()?.text, '$(pass-filled) Inference: answering');
  assert.equal(shown()?.backgroundColor, undefined);
});

test('an entry of its menu is pressed for its project', async () => {
  const pressed: string[] = [];
  const bar = new StatusBar([], (action, project) => {
    pressed.push(`${action.target} ${project.toString()}`);
    return Promise.resolve();
  });
  await bar.menu();
  assert.deepEqual(pressed, []);
  bar.show(said('file:///b', 'x'));
  editor.pick = STOP.title;
  await bar.menu();
  assert.deepEqual(editor.picks.at(-1), { labels: [STOP.title], title: 'app in rg: answering' });
  assert.deepEqual(pressed, ['aitk-inference.stop file:///b']);
});

test('text goes to a channel of its own as it is', () => {
  const channels = new Channels([]);
  assert.deepEqual(channels.append({ channel: 'Logs', text: 'a\n', reveal: true }), { shown: true });
  channels.append({ channel: 'Logs', text: 'b', reveal: false });
  channels.append({ channel: 'Answers', text: 'c', reveal: false });
  assert.deepEqual(editor.channels, { Logs: 'a\nb', Answers: 'c' });
  assert.deepEqual(editor.revealed, ['Logs']);
});
