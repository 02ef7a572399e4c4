import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ServerGone, Stopped, Trouble } from '../src/errors';
import type { Logger } from '../src/logger';
import { showResult, showTrouble, type Presses } from '../src/notifications';
import type { Action, Failure, RunResult } from '../src/protocol';
import { checksCertificates, variables } from '../src/proxies';
import { editor, reset } from './vscode';

const PAGE: Action = { kind: 'openEndpoint', title: 'Go', target: 'http://127.0.0.1:5/' };
const AGAIN: Action = { kind: 'run', title: 'Run again', target: 'aitk-inference.deploy' };
const panel: string[] = [];
const runs: string[] = [];
const presses: Presses = {
  logger: { info: () => undefined, error: (text: string) => panel.push(text), show: () => panel.push('shown') } as unknown as Logger,
  run: (target) => {
    runs.push(target);
    return Promise.resolve();
  },
  fix: (target) => {
    runs.push(`fix ${target}`);
    return Promise.resolve();
  },
};

function result(more: Partial<RunResult>): RunResult {
  return { summary: 'Done: and more', severity: 'info', headline: 'Done.', details: [], actions: [PAGE], data: {}, ...more };
}

function failure(more: Partial<Failure>): { data: Failure } {
  const plain = { code: 'Any', message: 'm', suggestion: 's', details: [], causes: [], inputs: [], problems: [] };
  return { data: { ...plain, severity: 'error', headline: 'It failed. Do this.', actions: [AGAIN], ...more } };
}

beforeEach(() => {
  reset();
  panel.length = runs.length = 0;
});

test('a result is shown in the server\'s words, with its buttons', async () => {
  editor.press = 'Go';
  await showResult(result({}), presses);
  assert.deepEqual(editor.shown, [{ kind: 'info', text: 'Done.', titles: ['Go'] }]);
  assert.deepEqual(editor.opened, [PAGE.target]);
  assert.deepEqual(panel, []);
});

test('what goes beyond the headline is in the output panel', async () => {
  await showResult(result({ severity: 'warning', details: ['  send a.py'] }), presses);
  assert.equal(editor.shown[0]?.kind, 'warning');
  assert.deepEqual(panel, ['shown']);
});

for (const severity of ['info', 'warning', 'error'] as const) {
  test(`a failure of severity ${severity} is shown so, whatever its code`, async () => {
    editor.press = 'Run again';
    await showTrouble(failure({ severity, code: 'Cancelled' }), 'deploy', presses);
    assert.deepEqual(editor.shown, [{ kind: severity, text: 'It failed. Do this.', titles: ['Run again'] }]);
    assert.deepEqual(runs, ['aitk-inference.deploy']);
  });
}

test('a fix is handed to the server as its button carries it', async () => {
  editor.press = 'Use westus3';
  const fix: Action = { kind: 'fix', title: 'Use westus3', target: 'set?location=westus3' };
  await showTrouble(failure({ actions: [fix] }), 'provision', presses);
  assert.deepEqual(runs, ['fix set?location=westus3']);
});

test('what the person closed or stopped is not shown', async () => {
  await showTrouble(failure({ severity: 'none' }), 'deploy', presses);
  await showTrouble(new Stopped(), 'deploy', presses);
  assert.deepEqual(editor.shown, []);
});

test('our own trouble has its buttons; a server that is gone can be tried again', async () => {
  await showTrouble(new Trouble('No.', 'Do.', [PAGE]), 'deploy', presses);
  editor.press = 'Run again';
  await showTrouble(new ServerGone(), 'stop', presses);
  assert.deepEqual(editor.shown.map(({ titles }) => titles), [['Go'], ['Run again', 'Show output']]);
  assert.deepEqual(runs, ['aitk-inference.stop']);
});

test('anything else goes to the output panel, not to the person', async () => {
  await showTrouble(new Error('secret path'), 'deploy', presses);
  assert.deepEqual(panel, ['secret path']);
  assert.ok(!editor.shown[0]?.text.includes('secret'));
});

test('the proxy of the editor\'s settings is read', () => {
  editor.settings = { 'http.proxy': 'http://proxy:1', 'http.noProxy': ['corp'], 'http.proxyStrictSSL': false };
  const env = variables();
  const own = process.env.HTTPS_PROXY ?? process.env.https_proxy ?? process.env.HTTP_PROXY ?? process.env.http_proxy;
  assert.equal(env.HTTPS_PROXY ?? env.https_proxy, own ?? 'http://proxy:1');
  assert.equal(checksCertificates(), false);
});
