// Two bundles: what every window loads, and the language client, loaded at the first command.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const production = process.argv.includes('--production');

await build({
  entryPoints: [here('src/extension.ts'), here('src/client.ts')],
  outdir: here('../dist'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  external: ['vscode', './client.js'],
  minify: production,
  sourcemap: !production,
  logLevel: 'warning',
});
