/** A process that is kept alive by another answers it, so that one that is stuck is told from one that has much to do. */
export const PING = { kind: 'ping' } as const;
export const PONG = { kind: 'pong' } as const;

/** Whether a message between processes is of this kind. */
export const isOf = ({ kind }: { readonly kind: string }, message: unknown): boolean =>
  (message as { readonly kind?: unknown } | null)?.kind === kind;

/** Answers whoever started this process, if it can be asked. */
export function answerParent(): void {
  process.on('message', (message) => {
    if (isOf(PING, message)) process.send?.(PONG, undefined, {}, () => {});
  });
}
