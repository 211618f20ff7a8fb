/** Fenced blocks of a page in Markdown, and those that a comment hides from readers. */
export interface Block {
  readonly language: string;
  /** What stands after the language: `file=a.py`, or a word alone, as `packed`. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
}

/** In order. A block's first line is as "```sh not-run=needs-a-card". */
export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^(?:```|<!-- )(\w*)([^\n]*)\n([\s\S]*?)^(?:```|-->)$/gm)].map(
    ([, language = '', words = '', text = '']) => ({
      language,
      attributes: Object.fromEntries(
        [...words.matchAll(/([\w-]+)(?:=("[^"]*"|\S+))?/g)].map(([, name = '', value = '']) => [
          name,
          value.replace(/^"|"$/g, ''),
        ]),
      ),
      text,
    }),
  );
}
