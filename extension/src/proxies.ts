import * as vscode from 'vscode';
import { withProxy, type Environment } from './environment';

/** The variables that the server, and what it starts, runs with. */
export function variables(): Environment {
  const settings = vscode.workspace.getConfiguration('http');
  return withProxy(process.env, {
    proxySupport: settings.get('proxySupport', 'override'),
    proxy: settings.get('proxy', ''),
    noProxy: settings.get<string[]>('noProxy', []),
  });
}

/** False where a person let the editor take any certificate on its way through a proxy. */
export function checksCertificates(): boolean {
  return vscode.workspace.getConfiguration('http').get('proxyStrictSSL', true);
}
