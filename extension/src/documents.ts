import * as vscode from 'vscode';
import type { ShowParams, ShowResult } from './protocol';

const SCHEME = 'aitk-inference';

/** Pages that the server wrote: kept in memory, shown by the editor's own Markdown preview. */
export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  readonly onDidChange = this.changed.event;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? '';
  }

  /** Show a page; one of the same title is replaced. Without the Markdown extension its text is shown. */
  async show(params: ShowParams): Promise<ShowResult> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${params.title}.md` });
    this.texts.set(uri.path, params.markdown);
    this.changed.fire(uri);
    try {
      await vscode.commands.executeCommand('markdown.showPreview', uri);
    } catch {
      await vscode.window.showTextDocument(uri, { preview: true });
    }
    return { shown: true };
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
