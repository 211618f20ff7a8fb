/** Server-sent events as a client reads them, in Node and in browsers. */

/** As much of a response's body as is needed. */
interface Body {
  getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> };
}

/** The fields of each event until the body ends; `heard` is called whenever something comes, be it silence's comment. */
export async function* sentEvents(
  body: Body,
  heard: () => void = () => {},
): AsyncGenerator<ReadonlyMap<string, string>> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    text += decoder.decode(value, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      yield new Map(
        lines.map((line) => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
        }),
      );
    }
  }
}
