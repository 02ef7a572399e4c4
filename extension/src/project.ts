import * as vscode from 'vscode';
import { Trouble } from './errors';
import { Commands } from './protocol';

/** The folder that a command is about: of the active file, the only one that is open, or the one that is picked. */
export async function currentProject(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) {
    throw new Trouble(
      vscode.l10n.t('No folder is open.'),
      vscode.l10n.t('Open the folder of your project, or create a new one.'),
      [
        { kind: 'run', title: vscode.l10n.t('Open Folder…'), target: 'openFolder' },
        { kind: 'run', title: vscode.l10n.t('Create Project…'), target: Commands.new.name },
      ],
    );
  }
  const file = vscode.window.activeTextEditor?.document.uri;
  const active = file ? vscode.workspace.getWorkspaceFolder(file) : undefined;
  const only = folders.length === 1 ? folders[0] : active;
  const placeHolder = vscode.l10n.t('Choose the project');
  const picked = only ?? (await vscode.window.showWorkspaceFolderPick({ placeHolder, ignoreFocusOut: true }));
  return picked?.uri;
}

/** Save the project's open files: what lies on the disk is what is sent. Throws when one can't be saved. */
export async function saveFiles(project: vscode.Uri): Promise<void> {
  const open = [...vscode.workspace.textDocuments, ...vscode.workspace.notebookDocuments];
  const belongs = (uri: vscode.Uri): boolean =>
    vscode.workspace.getWorkspaceFolder(uri)?.uri.toString() === project.toString();
  for (const file of open.filter(({ isDirty, uri }) => isDirty && belongs(uri))) {
    if (!(await file.save())) {
      throw new Trouble(
        vscode.l10n.t('{0} could not be saved.', vscode.workspace.asRelativePath(file.uri)),
        vscode.l10n.t('Save or close it, and run the command again.'),
      );
    }
  }
}

/** Throws when this window's folder is not trusted: the commands run its code. */
export function requireTrust(): void {
  if (!vscode.workspace.isTrusted) {
    throw new Trouble(
      vscode.l10n.t('This folder is not trusted, and the command would run its code.'),
      vscode.l10n.t('Trust the folder first.'),
      [{ kind: 'run', title: vscode.l10n.t('Manage Workspace Trust'), target: 'manageTrust' }],
    );
  }
}

/** The folder of a new project, chosen in a dialog. */
export async function newProjectFolder(): Promise<vscode.Uri | undefined> {
  const title = vscode.l10n.t('Choose an empty folder for the project');
  const options = { canSelectFiles: false, canSelectFolders: true, canSelectMany: false, title };
  const chosen = await vscode.window.showOpenDialog({ ...options, openLabel: vscode.l10n.t('Create project here') });
  return chosen?.[0];
}

/** Open a new project: at once where nothing is open, else where the person likes. */
export async function openProject(folder: vscode.Uri, told: string): Promise<void> {
  const here = vscode.l10n.t('Open');
  const apart = vscode.l10n.t('Open in New Window');
  const opened = vscode.workspace.workspaceFolders !== undefined;
  const pressed = opened ? await vscode.window.showInformationMessage(told, here, apart) : here;
  if (pressed !== undefined) {
    await vscode.commands.executeCommand('vscode.openFolder', folder, { forceNewWindow: pressed === apart });
  }
}
