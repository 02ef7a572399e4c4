import * as vscode from 'vscode';
import { words, type Logger } from './logger';
import type { AccessTokenParams, AccessTokenResult } from './protocol';

/** A token of VS Code's Microsoft account; asked for only when the server needs Azure. Never logged. */
export async function accessToken(params: AccessTokenParams, logger: Logger): Promise<AccessTokenResult> {
  const tenant = params.tenantId === undefined ? [] : [`VSCODE_TENANT:${params.tenantId}`];
  try {
    const scopes = [...params.scopes, ...tenant];
    const session = await vscode.authentication.getSession('microsoft', scopes, how(params));
    return session ? { token: session.accessToken, expiresOn: expiry(session.accessToken) } : {};
  } catch (error) {
    logger.warn(`Signing in did not work: ${words(error)}`);
    return {};
  }
}

function how(params: AccessTokenParams): vscode.AuthenticationGetSessionOptions {
  if (!params.interactive) {
    return { silent: true };
  }
  const detail = vscode.l10n.t('Azure asks for a new sign-in for this subscription.');
  return params.claims === undefined ? { createIfNone: true } : { forceNewSession: { detail } };
}

/** When a JSON web token ends, in seconds since 1970; soon when it does not say. */
function expiry(token: string): number {
  const soon = Math.floor(Date.now() / 1000) + 300;
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const end = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined;
    return typeof end === 'number' ? end : soon;
  } catch {
    return soon;
  }
}
