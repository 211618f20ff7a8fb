/** HTML as text: what is put into it is escaped, unless it is markup itself. */

export interface Markup {
  readonly markup: string;
}

type Content = string | number | Markup | undefined | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] as string);

/** What this program made itself. */
export const markup = (text: string): Markup => ({ markup: text });

function textOf(content: Content): string {
  if (content === undefined || content === false) return '';
  if (typeof content === 'string') return escaped(content);
  if (typeof content === 'number') return String(content);
  return 'markup' in content ? content.markup : content.map(textOf).join('');
}

/** html`<td>${name}</td>`: lists are joined, what is undefined or false is left out. */
export const html = (strings: TemplateStringsArray, ...contents: readonly Content[]): Markup =>
  markup(strings.reduce((text, string, index) => text + textOf(contents[index - 1]) + string));
