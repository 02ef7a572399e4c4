import * as vscode from 'vscode';
import type { Report } from './bootstrap';
import type { Logger } from './logger';
import { showResult, showTrouble, type Presses } from './notifications';
import { currentProject, newProjectFolder, requireTrust } from './project';
import { Commands, type RunResult } from './protocol';

/** What runs a command of the wire. */
export interface Runner {
  run(command: string, argument: object, report: Report, token: vscode.CancellationToken): Promise<RunResult>;
}

export type Verb = keyof typeof Commands;

/** The palette's commands and what buttons may start. */
export class PaletteCommands implements Presses {
  constructor(
    readonly logger: Logger,
    private readonly server: () => Promise<Runner>,
  ) {}

  /** Run what a button names: one of our verbs, or a help of the editor's own. */
  async run(target: string): Promise<void> {
    const verb = target.replace(/^aitk-inference\./, '');
    const help = this.helps[verb];
    if (help) {
      await help();
    } else if (verb === 'new') {
      await this.create();
    } else if (verb in Commands) {
      await this.flow(verb as Verb);
    }
  }

  /** Provision, deploy or status of the current project. */
  async flow(verb: Verb): Promise<void> {
    await this.guarded(verb, async () => {
      requireTrust();
      const project = await currentProject();
      if (project) {
        const result = await this.withProgress(verb, project);
        void showResult(result, this);
      }
    });
  }

  /** A new project in the open folder when that is empty, else in a folder that is chosen and then opened. */
  async create(): Promise<void> {
    await this.guarded('new', async () => {
      const open = await emptyOpenFolder();
      const folder = open ?? (await newProjectFolder());
      if (!folder) {
        return;
      }
      const result = await this.withProgress('new', folder);
      void showResult(result, this);
      if (!open) {
        await vscode.commands.executeCommand('vscode.openFolder', folder);
      }
    });
  }

  private readonly helps: Readonly<Record<string, (() => Thenable<unknown>) | undefined>> = {
    openFolder: () => vscode.commands.executeCommand('workbench.action.files.openFolder'),
    manageTrust: () => vscode.commands.executeCommand('workbench.trust.manage'),
    openSetting: () =>
      vscode.commands.executeCommand('workbench.action.openSettings', 'aitk.inference.interpreter'),
    chooseInterpreter: chooseInterpreter,
  };

  private async guarded(verb: Verb, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      void showTrouble(error, verb, this);
    }
  }

  private async withProgress(verb: Verb, project: vscode.Uri): Promise<RunResult> {
    const options = { location: vscode.ProgressLocation.Notification, title: titles()[verb], cancellable: true };
    return vscode.window.withProgress(options, async (progress, token) => {
      const server = await this.server();
      return server.run(Commands[verb], { projectUri: project.toString() }, reporter(progress), token);
    });
  }
}

function titles(): Record<Verb, string> {
  return {
    provision: vscode.l10n.t('Provision Azure Container Apps for inference'),
    deploy: vscode.l10n.t('Deploy for inference'),
    status: vscode.l10n.t('Inference status'),
    new: vscode.l10n.t('Create remote inference project'),
  };
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

async function emptyOpenFolder(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const folder = folders.length === 1 ? folders[0]?.uri : undefined;
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
