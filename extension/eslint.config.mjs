import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/**', '**/src/protocol.ts', '**/*.mjs'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      complexity: ['error', 8],
      'max-lines': ['error', 250],
      'max-lines-per-function': ['error', 40],
    },
  },
  {
    files: ['**/test/**'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' }, // Node's runner waits for its tests by itself
  },
);
