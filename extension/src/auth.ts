import * as vscode from 'vscode';
import { words, type Logger } from './logger';
import type { AccessTokenParams, AccessTokenResult } from './protocol';
import { expiry } from './tokens';

/** What newer editors take instead of scopes: the challenge of a service, as it came. */
interface ChallengeRequest {
  readonly wwwAuthenticate: string;
  readonly fallbackScopes: readonly string[];
}

type GetSession = (
  provider: string,
  request: readonly string[] | ChallengeRequest,
  options: vscode.AuthenticationGetSessionOptions,
) => Thenable<vscode.AuthenticationSession | undefined>;

const CHALLENGES = [1, 105] as const; // the first version whose getSession takes them

/** A token of VS Code's Microsoft account; asked for only when the server needs Azure. Never logged. */
export async function accessToken(params: AccessTokenParams, logger: Logger): Promise<AccessTokenResult> {
  const challenge = takesChallenges(vscode.version) ? params.wwwAuthenticate : undefined;
  if (challenge === undefined && (params.claims ?? params.wwwAuthenticate) !== undefined) {
    return {}; // a sign-in that can't carry the claims gives the token that was refused: the server offers Azure CLI
  }
  try {
    const getSession = vscode.authentication.getSession as GetSession;
    const session = await getSession('microsoft', wanted(params, challenge), manner(params.interactive));
    return session ? { token: session.accessToken, expiresOn: expiry(session.accessToken, Date.now()) } : {};
  } catch (error) {
    logger.warn(`Signing in did not work: ${words(error)}`);
    return {};
  }
}

function wanted(params: AccessTokenParams, challenge: string | undefined): readonly string[] | ChallengeRequest {
  const tenant = params.tenantId === undefined ? [] : [`VSCODE_TENANT:${params.tenantId}`];
  const scopes = [...params.scopes, ...tenant];
  return challenge === undefined ? scopes : { wwwAuthenticate: challenge, fallbackScopes: scopes };
}

function takesChallenges(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > CHALLENGES[0] || (major === CHALLENGES[0] && minor >= CHALLENGES[1]);
}

function manner(interactive: boolean): vscode.AuthenticationGetSessionOptions {
  return interactive ? { createIfNone: true } : { silent: true };
}
