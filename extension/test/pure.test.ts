import assert from 'node:assert/strict';
import test from 'node:test';
import { complaint } from '../src/answers';
import { forPip, withProxy } from '../src/environment';
import { failureOf, known, ServerGone, Stopped, Trouble } from '../src/errors';
import { placeOf } from '../src/links';
import type { Question } from '../src/protocol';
import { expiry } from '../src/tokens';

const PROXY = { proxySupport: 'override', proxy: 'http://proxy:3128', noProxy: ['.corp', '10.0.0.0/8'] };

function question(kind: Question['kind'], pattern?: string): Question {
  const asked = { kind, name: 'n', prompt: 'p', patternHint: '', options: [], yesLabel: '', detail: '' };
  return pattern === undefined ? asked : { ...asked, pattern };
}

test('the editor\'s proxy stands in where no variable names one', () => {
  const env = withProxy({ PATH: '/bin' }, PROXY);
  assert.equal(env.HTTPS_PROXY, 'http://proxy:3128');
  assert.equal(env.HTTP_PROXY, 'http://proxy:3128');
  assert.equal(env.NO_PROXY, 'localhost,127.0.0.1,::1,.corp,10.0.0.0/8');
  assert.equal(env.PATH, '/bin');
});

for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'http_proxy']) {
  test(`a person's own ${name} stays as it is`, () => {
    const env = withProxy({ [name]: 'http://mine', no_proxy: 'x' }, PROXY);
    assert.deepEqual(env, { [name]: 'http://mine', no_proxy: 'x' });
  });
}

test('an empty variable names no proxy, and a switched-off setting none either', () => {
  assert.equal(withProxy({ HTTPS_PROXY: '' }, PROXY).HTTPS_PROXY, 'http://proxy:3128');
  assert.equal(withProxy({}, { ...PROXY, proxySupport: 'off' }).HTTPS_PROXY, undefined);
  assert.deepEqual(withProxy({}, { ...PROXY, proxy: ' ', noProxy: [] }), {});
});

test('pip takes from where packages come, and not where another pip puts them', () => {
  const env = forPip({
    PIP_USER: '1', PIP_TARGET: '/x', PIP_PREFIX: '/x', PIP_REQUIRE_VIRTUALENV: '1', PIP_DRY_RUN: '1', pip_quiet: '3',
    PIP_NO_BINARY: ':all:', PIP_INDEX_URL: 'https://index.invalid', PIP_CERT: '/ca.pem', HTTPS_PROXY: 'http://p',
  });
  assert.deepEqual(env, {
    PIP_USER: '0', PIP_INDEX_URL: 'https://index.invalid', PIP_CERT: '/ca.pem', HTTPS_PROXY: 'http://p',
  });
});

test('a typed answer is held to its form', () => {
  assert.equal(complaint(question('text'), ' '), undefined);
  assert.equal(complaint(question('secret'), ' '), 'empty');
  assert.equal(complaint(question('choice'), ''), 'empty');
  assert.equal(complaint(question('text', 'a|b'), 'ab'), 'form');
  assert.equal(complaint(question('text', 'a|b'), ' b '), undefined);
});

test('a place in a file comes from the fragment of its address', () => {
  assert.deepEqual(placeOf('L4,3'), { line: 3, character: 2 });
  assert.deepEqual(placeOf('L4'), { line: 3, character: 0 });
  assert.deepEqual(placeOf(''), { line: 0, character: 0 });
  assert.deepEqual(placeOf('L0,0'), { line: 0, character: 0 });
});

test('the end of a token is what it says, else soon', () => {
  const says = (claims: object): string => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
  assert.equal(expiry(says({ exp: 1900000000 }), 0), 1900000000);
  for (const token of [says({ exp: 'never' }), says({}), 'opaque', '', 'a.%%%.c']) {
    assert.equal(expiry(token, 10_000), 310);
  }
});

test('errors are told apart by their kind, whichever bundle made them', () => {
  for (const error of [new Trouble('a', 'b'), new Stopped(), new ServerGone()]) {
    assert.equal(known(error), error);
  }
  assert.equal(known(new Error('x')), undefined);
  assert.equal(known('x'), undefined);
  const failure = { code: 'Failed', severity: 'error', headline: 'h', actions: [] };
  assert.equal(failureOf({ data: failure }), failure);
  assert.equal(failureOf({ data: { code: 'Failed' } }), undefined);
  assert.equal(failureOf(null), undefined);
});
