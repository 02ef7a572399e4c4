import * as vscode from 'vscode';
import type { Action, Severity, StatusParams } from './protocol';

const BACKGROUNDS: Partial<Record<Severity, string>> = {
  error: 'statusBarItem.errorBackground',
  warning: 'statusBarItem.warningBackground',
};

/** How the app of the current project stands, as the server words it, with the server's menu. */
export class StatusBar {
  private readonly item = vscode.window.createStatusBarItem('aitk.inference.status', vscode.StatusBarAlignment.Left);
  private readonly said = new Map<string, StatusParams>();

  constructor(
    subscriptions: { dispose(): unknown }[],
    private readonly press: (action: Action, project: vscode.Uri) => Promise<void>,
  ) {
    this.item.name = vscode.l10n.t('AI Toolkit: inference');
    this.item.command = 'aitk.inference.statusMenu';
    subscriptions.push(
      this.item,
      vscode.window.onDidChangeActiveTextEditor(() => {
        this.draw();
      }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.draw();
      }),
    );
  }

  show(params: StatusParams): void {
    this.said.set(params.projectUri, params);
    this.draw();
  }

  async menu(): Promise<void> {
    const status = this.current();
    const items = status?.menu.map((action) => ({ label: action.title, action })) ?? [];
    const [title = '', ...more] = status?.tooltip.split('\n') ?? [];
    const picked = await vscode.window.showQuickPick(items, { title, placeHolder: more.join(' ') });
    if (picked && status) {
      await this.press(picked.action, vscode.Uri.parse(status.projectUri, true));
    }
  }

  /** That of the active file's folder, else of the first folder that has one. */
  private current(): StatusParams | undefined {
    const file = vscode.window.activeTextEditor?.document.uri;
    const active = file ? vscode.workspace.getWorkspaceFolder(file) : undefined;
    const folders = [...(active ? [active] : []), ...(vscode.workspace.workspaceFolders ?? [])];
    return folders.map(({ uri }) => this.said.get(uri.toString())).find((status) => status && status.text !== '');
  }

  private draw(): void {
    const status = this.current();
    if (!status) {
      this.item.hide();
      return;
    }
    const background = BACKGROUNDS[status.severity];
    this.item.text = status.text;
    this.item.tooltip = status.tooltip;
    this.item.backgroundColor = background === undefined ? undefined : new vscode.ThemeColor(background);
    this.item.show();
  }
}
