import { harmless } from '../harmless.js';

/** Says on a terminal's last line how far something is, and clears it at the end; elsewhere says nothing. */
export function progressLine(what: string): (done: number, of: number) => void {
  if (!process.stderr.isTTY) return () => {};
  return (done, of) => {
    process.stderr.write(done < of ? `\r${harmless(what)}: ${done} of ${of}` : '\r\x1b[K');
  };
}
