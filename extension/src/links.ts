/** The zero-based place that a URI's fragment names: `L4,3` is line 3, character 2. */
export function placeOf(fragment: string): { line: number; character: number } {
  const [, line = '1', column = '1'] = /^L(\d+)(?:,(\d+))?$/.exec(fragment) ?? [];
  return { line: Math.max(0, Number(line) - 1), character: Math.max(0, Number(column) - 1) };
}
