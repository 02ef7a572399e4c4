// What stands in for the editor in these tests: the few things of its API that they touch, each set by the test.

/** What a test lets the editor be, and what it saw. */
export const editor = {
  settings: {} as Record<string, unknown>,
  shown: [] as { kind: string; text: string; titles: string[] }[],
  press: undefined as string | undefined,
  opened: [] as string[],
  asked: [] as unknown[],
  session: undefined as { accessToken: string } | undefined,
  bar: undefined as StatusBarItem | undefined,
  pick: undefined as string | undefined,
  picks: [] as { labels: string[]; title: string }[],
  channels: {} as Record<string, string>,
  revealed: [] as string[],
  folders: [] as { uri: Uri }[],
};

/** What the status bar shows of an extension. */
interface StatusBarItem {
  text: string;
  tooltip: string;
  backgroundColor: ThemeColor | undefined;
  visible: boolean;
}

export let version = '1.120.0';

/** Let the editor be of another version, until the next test begins. */
export function be(other: string): void {
  version = other;
}

/** Begin a test with an editor in which nothing has happened. */
export function reset(): void {
  Object.assign(editor, { settings: {}, shown: [], press: undefined, opened: [], asked: [], session: undefined });
  Object.assign(editor, { bar: undefined, pick: undefined, picks: [], channels: {}, revealed: [], folders: [] });
  version = '1.120.0';
}

function notification(kind: string) {
  return (text: string, ...titles: string[]): Promise<string | undefined> => {
    editor.shown.push({ kind, text, titles });
    return Promise.resolve(editor.press);
  };
}

export const window = {
  showInformationMessage: notification('info'),
  showWarningMessage: notification('warning'),
  showErrorMessage: notification('error'),
  activeTextEditor: undefined,
  onDidChangeActiveTextEditor: () => ({ dispose: () => undefined }),
  createStatusBarItem: () => {
    const item = { text: '', tooltip: '', backgroundColor: undefined, visible: false };
    editor.bar = item;
    const show = (visible: boolean) => () => Object.assign(item, { visible });
    return Object.assign(item, { show: show(true), hide: show(false), dispose: () => undefined });
  },
  showQuickPick: <T extends { label: string }>(items: T[], { title }: { title: string }): Promise<T | undefined> => {
    editor.picks.push({ labels: items.map(({ label }) => label), title });
    return Promise.resolve(items.find(({ label }) => label === editor.pick));
  },
  createOutputChannel: (name: string) => ({
    append: (text: string) => (editor.channels[name] = (editor.channels[name] ?? '') + text),
    show: () => editor.revealed.push(name),
    dispose: () => undefined,
  }),
};
export const StatusBarAlignment = { Left: 1 };
export class ThemeColor {
  constructor(readonly id: string) {}
}
export const env = {
  openExternal: (uri: Uri): Promise<boolean> => {
    editor.opened.push(uri.text);
    return Promise.resolve(true);
  },
};
export const authentication = {
  getSession: (...call: unknown[]): Promise<unknown> => {
    editor.asked.push(call);
    return Promise.resolve(editor.session);
  },
};
export const workspace = {
  get workspaceFolders() {
    return editor.folders;
  },
  getWorkspaceFolder: () => undefined,
  onDidChangeWorkspaceFolders: () => ({ dispose: () => undefined }),
  getConfiguration: (section: string) => ({
    get: (name: string, fallback: unknown): unknown => editor.settings[`${section}.${name}`] ?? fallback,
  }),
};
export const l10n = { t: (text: string): string => text };

export class Uri {
  constructor(readonly text: string) {}
  static parse(text: string): Uri {
    return new Uri(text);
  }
  toString(): string {
    return this.text;
  }
}
