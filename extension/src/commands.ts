import * as vscode from 'vscode';
import type { Report } from './bootstrap';
import type { Logger } from './logger';
import { press, showResult, showTrouble, type Presses } from './notifications';
import { showEntries } from './contexts';
import { currentProject, newProjectFolder, openProject, requireTrust, saveFiles } from './project';
import { Commands, type Action, type RunResult, type Verb } from './protocol';

/** What runs a command of the wire. */
export interface Runner {
  run(command: string, argument: object, report: Report, token: vscode.CancellationToken): Promise<RunResult>;
}

/** The palette's commands and what buttons may start. */
export class PaletteCommands {
  constructor(
    private readonly logger: Logger,
    private readonly server: () => Promise<Runner>,
  ) {}

  /** Run what the palette or a button names. */
  async call(verb: Verb, project?: vscode.Uri): Promise<void> {
    await (verb === 'new' ? this.create(project) : this.flow(verb, project));
  }

  /** Do what an entry of the status bar's menu says. */
  async press(action: Action, project: vscode.Uri): Promise<void> {
    await press(action, this.about(project));
  }

  /** A command about a project; without one, about the current one. */
  private async flow(verb: Verb, given?: vscode.Uri, more: object = {}): Promise<void> {
    let project = given;
    try {
      requireTrust();
      project ??= await currentProject();
      if (project) {
        await saveFiles(project);
        const result = await this.withProgress(verb, project, more);
        void showResult(result, this.about(project));
      }
    } catch (error) {
      void showTrouble(error, verb, this.about(project));
    }
    await showEntries();
  }

  /** A new project in the folder that is meant or open, when that is empty, else in one that is chosen. */
  private async create(given?: vscode.Uri): Promise<void> {
    try {
      const open = await emptyFolder(given);
      const folder = open ?? (await newProjectFolder());
      if (!folder) {
        return;
      }
      const result = await this.withProgress('new', folder);
      if (open) {
        void showResult(result, this.about(folder));
      } else {
        await openProject(folder, result.summary);
      }
    } catch (error) {
      void showTrouble(error, 'new', this.about(given));
    }
  }

  /** What buttons under a message about a project do. */
  private about(project: vscode.Uri | undefined): Presses {
    return {
      logger: this.logger,
      run: (target) => this.run(target, project),
      fix: (target) => this.flow('fix', project, { fix: target }),
    };
  }

  /** Run what a button names: a command of the server, or a help of the editor's own. */
  private async run(target: string, project: vscode.Uri | undefined): Promise<void> {
    const help = this.helps[target];
    const verb = verbs().find((known) => Commands[known].name === target);
    if (help) {
      await help();
    } else if (verb) {
      await this.call(verb, project);
    }
  }

  private readonly helps: Readonly<Record<string, (() => Thenable<unknown>) | undefined>> = {
    openFolder: () => vscode.commands.executeCommand('workbench.action.files.openFolder'),
    manageTrust: () => vscode.commands.executeCommand('workbench.trust.manage'),
    openSetting: () =>
      vscode.commands.executeCommand('workbench.action.openSettings', 'aitk.inference.interpreter'),
    chooseInterpreter: chooseInterpreter,
  };

  private async withProgress(verb: Verb, project: vscode.Uri, more: object = {}): Promise<RunResult> {
    const { name, title, given } = Commands[verb];
    const location = vscode.ProgressLocation.Notification;
    const options = { location, title: vscode.l10n.t(title), cancellable: true };
    return vscode.window.withProgress(options, async (progress, token) => {
      const server = await this.server();
      return server.run(name, { ...given, projectUri: project.toString(), ...more }, reporter(progress), token);
    });
  }
}

function verbs(): Verb[] {
  return Object.keys(Commands) as Verb[];
}

/** Percentages of the wire are totals, those of the editor are steps. */
function reporter(progress: vscode.Progress<{ message?: string; increment?: number }>): Report {
  let reached = 0;
  return (message, percent) => {
    const increment = Math.max(0, (percent ?? reached) - reached);
    reached += increment;
    progress.report({ message, increment });
  };
}

async function emptyFolder(given: vscode.Uri | undefined): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const folder = given ?? (folders.length === 1 ? folders[0]?.uri : undefined);
  if (!folder) {
    return undefined;
  }
  return (await vscode.workspace.fs.readDirectory(folder)).length === 0 ? folder : undefined;
}

async function chooseInterpreter(): Promise<void> {
  const title = vscode.l10n.t('Choose Python 3.11 or newer');
  const [file] = (await vscode.window.showOpenDialog({ title, canSelectMany: false })) ?? [];
  if (file) {
    const settings = vscode.workspace.getConfiguration('aitk.inference');
    await settings.update('interpreter', file.fsPath, vscode.ConfigurationTarget.Global);
  }
}
