import * as vscode from 'vscode';
import type { Report } from './bootstrap';
import type { Logger } from './logger';
import { showResult, showTrouble, type Presses } from './notifications';
import { currentProject, newProjectFolder, openProject, requireTrust, saveFiles } from './project';
import { Commands, type DeployArguments, type RunResult } from './protocol';

/** What runs a command of the wire. */
export interface Runner {
  run(command: string, argument: object, report: Report, token: vscode.CancellationToken): Promise<RunResult>;
}

/** A verb of the wire, or one of them with another argument. */
export type Verb = keyof typeof Commands | 'preview';

/** What a verb sends to the server, beside the project, and what the person calls it. */
interface Sends {
  readonly title: string;
  readonly command: string;
  readonly argument?: DeployArguments;
}

/** The palette's commands and what buttons may start. */
export class PaletteCommands {
  constructor(
    private readonly logger: Logger,
    private readonly server: () => Promise<Runner>,
  ) {}

  /** Provision, deploy, its preview or status of a project; without one, of the current one. */
  async flow(verb: Verb, given?: vscode.Uri): Promise<void> {
    let project = given;
    try {
      requireTrust();
      project ??= await currentProject();
      if (project) {
        await saveFiles(project);
        const result = await this.withProgress(verb, project);
        void showResult(result, this.about(project));
      }
    } catch (error) {
      void showTrouble(error, verb, this.about(project));
    }
  }

  /** A new project in the folder that is meant or open, when that is empty, else in one that is chosen. */
  async create(given?: vscode.Uri): Promise<void> {
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
    return { logger: this.logger, run: (target) => this.run(target, project) };
  }

  /** Run what a button names: one of our verbs, or a help of the editor's own. */
  private async run(target: string, project: vscode.Uri | undefined): Promise<void> {
    const verb = target.replace(/^aitk-inference\./, '');
    const help = this.helps[verb];
    if (help) {
      await help();
    } else if (verb === 'new') {
      await this.create(project);
    } else if (verb in sends()) {
      await this.flow(verb as Verb, project);
    }
  }

  private readonly helps: Readonly<Record<string, (() => Thenable<unknown>) | undefined>> = {
    openFolder: () => vscode.commands.executeCommand('workbench.action.files.openFolder'),
    manageTrust: () => vscode.commands.executeCommand('workbench.trust.manage'),
    openSetting: () =>
      vscode.commands.executeCommand('workbench.action.openSettings', 'aitk.inference.interpreter'),
    chooseInterpreter: chooseInterpreter,
  };

  private async withProgress(verb: Verb, project: vscode.Uri): Promise<RunResult> {
    const { title, command, argument } = sends()[verb];
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return vscode.window.withProgress(options, async (progress, token) => {
      const server = await this.server();
      return server.run(command, { ...argument, projectUri: project.toString() }, reporter(progress), token);
    });
  }
}

function sends(): Record<Verb, Sends> {
  return {
    provision: {
      title: vscode.l10n.t('Provision Azure Container Apps for inference'),
      command: Commands.provision,
    },
    deploy: { title: vscode.l10n.t('Deploy for inference'), command: Commands.deploy },
    preview: {
      title: vscode.l10n.t('Preview what Deploy for inference would send'),
      command: Commands.deploy,
      argument: { dryRun: true },
    },
    status: { title: vscode.l10n.t('Inference status'), command: Commands.status },
    new: { title: vscode.l10n.t('Create remote inference project'), command: Commands.new },
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
