import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { accessToken } from '../src/auth';
import type { Logger } from '../src/logger';
import { be, editor, reset } from './vscode';

const SCOPES = ['https://management.azure.com/.default'];
const CHALLENGE = 'Bearer authorization_uri="https://login.invalid/t", error="insufficient_claims", claims="e30="';
const warned: string[] = [];
const logger = { warn: (text: string) => warned.push(text) } as unknown as Logger;

beforeEach(() => {
  reset();
  editor.session = { accessToken: 'opaque' };
});

test('a token is asked for with its scopes and its directory', async () => {
  const { token } = await accessToken({ scopes: SCOPES, tenantId: 't', interactive: true }, logger);
  assert.equal(token, 'opaque');
  assert.deepEqual(editor.asked, [['microsoft', [...SCOPES, 'VSCODE_TENANT:t'], { createIfNone: true }]]);
});

test('nobody is disturbed when that is the wish', async () => {
  editor.session = undefined;
  assert.deepEqual(await accessToken({ scopes: SCOPES, interactive: false }, logger), {});
  assert.deepEqual(editor.asked, [['microsoft', SCOPES, { silent: true }]]);
});

test('a newer editor gets the challenge as the service wrote it', async () => {
  const params = { scopes: SCOPES, tenantId: 't', claims: '{}', wwwAuthenticate: CHALLENGE };
  const request = { wwwAuthenticate: CHALLENGE, fallbackScopes: [...SCOPES, 'VSCODE_TENANT:t'] };
  await accessToken({ ...params, interactive: false }, logger);
  await accessToken({ ...params, interactive: true }, logger);
  assert.deepEqual(editor.asked, [
    ['microsoft', request, { silent: true }],
    ['microsoft', request, { createIfNone: true }],
  ]);
});

for (const version of ['1.91.0', '1.104.3', '1.104.0-insider']) {
  test(`an editor of version ${version} signs nobody in a second time for claims that it can't ask for`, async () => {
    be(version);
    const params = { scopes: SCOPES, claims: '{}', wwwAuthenticate: CHALLENGE };
    for (const interactive of [false, true]) {
      assert.deepEqual(await accessToken({ ...params, interactive }, logger), {});
    }
    assert.deepEqual(editor.asked, []);
  });
}
