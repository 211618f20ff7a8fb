/** What the doctor says of one part of the machine. */
export interface Finding {
  readonly name: string;
  /** `missing`: a search can't run, or runs very slowly. */
  readonly state: 'ok' | 'missing';
  /** What is there, or what is wrong. */
  readonly found: string;
  readonly remedy?: string;
  /** The same for programs. */
  readonly details?: unknown;
}

export interface Examination {
  /** Nothing is missing. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}
