// Milliseconds to load the extension's first bundle and activate it, with the editor's API stubbed; prints a number.
import Module, { createRequire } from 'node:module';

const bundle = process.argv[2];
const vscode = {
  window: { createOutputChannel: () => ({}) },
  workspace: { findFiles: async () => [] },
  commands: { registerCommand: () => ({}), executeCommand: async () => undefined },
};
const load = Module._load;
Module._load = (name, ...rest) => (name === 'vscode' ? vscode : load(name, ...rest));
const begun = performance.now();
createRequire(import.meta.url)(bundle).activate({ subscriptions: [], asAbsolutePath: (path) => path });
console.log((performance.now() - begun).toFixed(2));
