import { PVSC_EXTENSION_ID, PythonExtension } from '@vscode/python-extension';
import * as vscode from 'vscode';
import { Stopped, Trouble } from './errors';
import type { Logger } from './logger';
import { run } from './processes';

/** A Python that can run the server, and whether it already has it. */
export interface Python {
  readonly path: string;
  readonly version: string;
  readonly server: string | undefined;
}

/** What a candidate says of itself. */
interface Answer {
  readonly version: readonly number[];
  readonly path: string;
  readonly venv: boolean;
  readonly server: string | null;
}

const OLDEST = 11;
const PROBE = `
import importlib.metadata as m, importlib.util as u, json, sys
try: server = m.version("aitk-inference")
except m.PackageNotFoundError: server = None
print(json.dumps({"version": sys.version_info[:3], "path": sys.executable, "server": server,
                  "venv": bool(u.find_spec("venv") and u.find_spec("ensurepip"))}))
`;

/** Find Python: the setting, else the Python extension's choice, else PATH. Throws `Trouble` that says what to do. */
export async function findPython(logger: Logger, token: vscode.CancellationToken): Promise<Python> {
  const setting = vscode.workspace.getConfiguration('aitk.inference').get('interpreter', '').trim();
  if (setting !== '') {
    return ofSetting(setting, logger, token);
  }
  const lacking: string[] = [];
  for (const candidate of [...(await ofPythonExtension(logger)), ...ofPath()]) {
    const answer = await probe(candidate, logger, token);
    if (answer?.venv && fits(answer)) {
      return { path: answer.path, version: answer.version.join('.'), server: undefined };
    }
    if (answer) {
      lacking.push(`${answer.path} (${answer.version.join('.')}${answer.venv ? '' : ', without venv'})`);
    }
  }
  throw nothingFits(lacking);
}

async function ofSetting(setting: string, logger: Logger, token: vscode.CancellationToken): Promise<Python> {
  const answer = await probe(setting, logger, token);
  if (!answer || !fits(answer)) {
    throw new Trouble(
      vscode.l10n.t('The setting aitk.inference.interpreter is not a Python 3.11 or newer: {0}', setting),
      vscode.l10n.t('Correct the setting, or empty it to have Python found.'),
      [{ kind: 'run', title: vscode.l10n.t('Open setting'), target: 'openSetting' }],
    );
  }
  return { path: answer.path, version: answer.version.join('.'), server: answer.server ?? undefined };
}

function nothingFits(lacking: readonly string[]): Trouble {
  const found = lacking.length === 0 ? '' : vscode.l10n.t(' Found, but not good enough: {0}.', lacking.join(', '));
  return new Trouble(
    vscode.l10n.t('Python 3.11 or newer is needed, and none was found.') + found,
    vscode.l10n.t('Install it (Debian, Ubuntu: sudo apt install python3 python3-venv) or choose one.'),
    [
      { kind: 'openLink', title: vscode.l10n.t('Download Python'), target: 'https://www.python.org/downloads/' },
      { kind: 'run', title: vscode.l10n.t('Choose Python…'), target: 'chooseInterpreter' },
    ],
  );
}

async function ofPythonExtension(logger: Logger): Promise<string[]> {
  if (!vscode.extensions.getExtension(PVSC_EXTENSION_ID)) {
    return [];
  }
  try {
    const { environments } = await PythonExtension.api();
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const environment = await environments.resolveEnvironment(environments.getActiveEnvironmentPath(folder));
    const uri = environment?.executable.uri;
    return uri ? [uri.fsPath] : [];
  } catch (error) {
    logger.debug(`The Python extension did not answer: ${String(error)}`);
    return [];
  }
}

function ofPath(): string[] {
  const numbered = [14, 13, 12, 11].map((minor) => `python3.${minor}`);
  return process.platform === 'win32' ? ['python', 'py', 'python3'] : ['python3', ...numbered, 'python'];
}

async function probe(command: string, logger: Logger, token: vscode.CancellationToken): Promise<Answer | undefined> {
  try {
    const { code, output } = await run(command, ['-I', '-c', PROBE], token);
    return code === 0 ? (JSON.parse(output) as Answer) : undefined;
  } catch (error) {
    if (error instanceof Stopped) {
      throw error;
    }
    logger.debug(`${command} is no Python: ${String(error)}`);
    return undefined;
  }
}

function fits(answer: Answer): boolean {
  const [major = 0, minor = 0] = answer.version;
  return major > 3 || (major === 3 && minor >= OLDEST);
}
