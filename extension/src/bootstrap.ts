import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { forPip, type Environment } from './environment';
import { Stopped, Trouble } from './errors';
import type { Logger } from './logger';
import { run } from './processes';
import { checksCertificates, variables } from './proxies';
import { findPython, type Python } from './python';

export type Report = (message: string, percent?: number) => void;

/** What the VSIX carries. */
interface Bundle {
  readonly wheel: string;
  readonly requirements: string;
  readonly key: string;
}

/** What runs the server. */
export interface ServerPython {
  readonly path: string;
  /** To be called when the server did not start with it: a private environment is made anew at the next try. */
  readonly distrust: () => Promise<void>;
}

const INDEX_HOSTS = 'from pip._internal.models.index import PyPI; print(PyPI.netloc, PyPI.file_storage_domain)';
const READY = 'ready.json';
const DAY = 24 * 3600 * 1000;
const OLD = 14 * DAY;

/**
 * The Python that runs the server: the one of the setting when it has the server, else a private environment in
 * global storage, made at the first command from the bundled wheel and its hashed requirements. Throws where it would
 * have to be made and may not.
 */
export async function serverPython(
  context: vscode.ExtensionContext,
  logger: Logger,
  report: Report,
  token: vscode.CancellationToken,
  mayMake = true,
): Promise<ServerPython> {
  const bundle = await readBundle(context);
  const storage = context.globalStorageUri.fsPath;
  const usesSetting = vscode.workspace.getConfiguration('aitk.inference').get<string>('interpreter', '').trim() !== '';
  const made = usesSetting ? undefined : await existing(storage, bundle);
  if (made !== undefined) {
    return made;
  }
  const python = await findPython(logger, token);
  if (python.server !== undefined) {
    logger.info(`Using aitk-inference ${python.server} of ${python.path}`);
    return { path: python.path, distrust: () => Promise.resolve() };
  }
  const standing = await existing(storage, bundle);
  if (standing === undefined && !mayMake) {
    throw new Stopped();
  }
  return standing ?? make(storage, bundle, python, logger, report, token);
}

async function readBundle(context: vscode.ExtensionContext): Promise<Bundle> {
  const folder = context.asAbsolutePath(path.join('dist', 'server'));
  const files = await fs.readdir(folder).catch(() => []);
  const wheel = files.find((name) => name.endsWith('.whl'));
  if (wheel === undefined) {
    throw new Trouble(
      vscode.l10n.t('This build of the extension does not carry its server.'),
      vscode.l10n.t('Install the extension again, or build it with “make package”.'),
    );
  }
  const bundle = { wheel: path.join(folder, wheel), requirements: path.join(folder, 'requirements.txt') };
  const hash = createHash('sha256');
  hash.update(await fs.readFile(bundle.wheel)).update(await fs.readFile(bundle.requirements));
  return { ...bundle, key: hash.digest('hex').slice(0, 16) };
}

/** The environment of this very bundle, when it was made before and its Python still stands. */
async function existing(storage: string, bundle: Bundle): Promise<ServerPython | undefined> {
  const note = path.join(storage, bundle.key, READY);
  try {
    const { python } = JSON.parse(await fs.readFile(note, 'utf8')) as { python: string };
    await fs.access(python);
    return { path: python, distrust: () => fs.rm(note, { force: true }) };
  } catch {
    return undefined;
  }
}

/** Make the environment beside its final note, so that a stopped or failed try never counts as one. */
async function make(
  storage: string,
  bundle: Bundle,
  python: Python,
  logger: Logger,
  report: Report,
  token: vscode.CancellationToken,
): Promise<ServerPython> {
  const home = path.join(storage, bundle.key);
  const env = path.join(home, `env-${process.pid}-${Date.now()}`);
  await fs.mkdir(home, { recursive: true });
  logger.info(`Setting up the server with Python ${python.version} (${python.path}) in ${env}`);
  report(vscode.l10n.t('Setting up (first time only): making a Python environment'), 0);
  try {
    await must(await run(python.path, ['-I', '-m', 'venv', env], token), logger);
    const inside = path.join(env, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
    await install(inside, bundle, logger, report, token);
    const note = path.join(home, READY);
    await fs.writeFile(note, JSON.stringify({ python: inside }));
    await tidy(storage, /^[0-9a-f]{16}$/, bundle.key, OLD, logger);
    await tidy(home, /^env-/, path.basename(env), DAY, logger);
    return { path: inside, distrust: () => fs.rm(note, { force: true }) };
  } catch (error) {
    await fs.rm(env, { recursive: true, force: true });
    throw error;
  }
}

async function install(
  python: string,
  bundle: Bundle,
  logger: Logger,
  report: Report,
  token: vscode.CancellationToken,
): Promise<void> {
  const pip = ['-I', '-m', 'pip', 'install', '--no-deps', '--no-input', '--disable-pip-version-check'];
  const total = (await fs.readFile(bundle.requirements, 'utf8')).match(/^[\w.-]+(?:\[[^\]]*\])?==/gm)?.length ?? 1;
  let count = 0;
  const args = [...pip, '--progress-bar', 'off', '--require-hashes', '-r', bundle.requirements];
  const env = await pipVariables(python, logger, token);
  const onLine = (line: string): void => {
    logger.debug(line);
    if (line.startsWith('Collecting ')) {
      count += 1;
      const name = line.split(/[\s=]/)[1] ?? '';
      report(vscode.l10n.t('Setting up (first time only): {0}', name), (90 * count) / total);
    }
  };
  await must(await run(python, args, token, onLine, env), logger);
  report(vscode.l10n.t('Setting up (first time only): the server'), 95);
  await must(await run(python, [...pip, bundle.wheel], token, undefined, env), logger);
}

/**
 * The variables for pip. Where the editor takes any certificate of a proxy, pip does so, too, for the index that it
 * asks by itself: each package is held to its hash.
 */
async function pipVariables(python: string, logger: Logger, token: vscode.CancellationToken): Promise<Environment> {
  const env = forPip(variables());
  if (checksCertificates() || env.PIP_TRUSTED_HOST !== undefined || env.PIP_INDEX_URL !== undefined) {
    return env;
  }
  logger.info('http.proxyStrictSSL is off: pip takes any certificate. The server does not: see SSL_CERT_FILE.');
  const { code, output } = await run(python, ['-I', '-c', INDEX_HOSTS], token);
  return code === 0 ? { ...env, PIP_TRUSTED_HOST: output.trim() } : env;
}

async function must(done: { code: number; output: string }, logger: Logger): Promise<void> {
  if (done.code === 0) {
    return;
  }
  logger.error(done.output.slice(-4000));
  return Promise.reject(
    new Trouble(
      vscode.l10n.t('The Python packages of the server could not be installed.'),
      vscode.l10n.t(
        'Check the connection and the proxy settings of pip, or set aitk.inference.interpreter to a Python that has the package aitk-inference.',
      ),
      [{ kind: 'showOutput', title: vscode.l10n.t('Show output'), target: '' }],
    ),
  );
}

/** Remove what earlier versions and killed windows left; a younger one may still be used in another window. */
async function tidy(parent: string, names: RegExp, keep: string, age: number, logger: Logger): Promise<void> {
  for (const name of await fs.readdir(parent)) {
    const folder = path.join(parent, name);
    if (name !== keep && names.test(name) && (await fs.stat(folder)).mtimeMs < Date.now() - age) {
      await fs.rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
        logger.debug(`An older environment stays: ${String(error)}`);
      });
    }
  }
}
