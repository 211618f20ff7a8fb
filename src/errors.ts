/**
 * The closed set of errors that x3d-search raises on purpose. Each names what is wrong, what was expected, what
 * came, and what to do; whoever shows it (a terminal, an HTTP problem document) only lays it out.
 */

export const ERROR_KINDS = {
  /** A flag, field or argument that does not fit its schema. */
  'invalid-input': { title: 'The input is not valid', exitCode: 2, status: 400 },
  /** Videos, lists or folders that can't be used. */
  data: { title: 'The data can not be used', exitCode: 2, status: 422 },
  /** A search, candidate, artifact or file that does not exist. */
  'not-found': { title: 'Not found', exitCode: 2, status: 404 },
  /** The thing exists but is not in a state that allows this. */
  conflict: { title: 'Not possible in this state', exitCode: 2, status: 409 },
  /** Nobody said who asks, or it is not known here. */
  unauthenticated: { title: 'A token is needed', exitCode: 2, status: 401 },
  /** Whoever asks may not do this, or not from where it was asked. */
  forbidden: { title: 'Not allowed', exitCode: 2, status: 403 },
  /** What was asked for has changed since it was looked at. */
  changed: { title: 'Changed meanwhile', exitCode: 2, status: 412 },
  /** More than one client may have, at once or in a while. */
  'too-many': { title: 'Too many', exitCode: 3, status: 429 },
  /** Something goes on that has to end first; asking again helps. */
  'not-ready': { title: 'Not ready yet', exitCode: 3, status: 503 },
  /** Something the machine lacks: a library, a device, Redis, memory. */
  environment: { title: 'The machine lacks something', exitCode: 3, status: 503 },
} as const;

export type ErrorKind = keyof typeof ERROR_KINDS;

export interface ErrorFacts {
  /** The field, flag or file, as the user wrote it. */
  readonly subject: string;
  readonly expected: string;
  readonly got?: string;
  readonly remedy?: string;
}

export class X3dError extends Error {
  override readonly name = 'X3dError';
  constructor(
    readonly kind: ErrorKind,
    readonly facts: ErrorFacts,
    options?: ErrorOptions,
  ) {
    const { subject, expected, got, remedy } = facts;
    super(
      `${subject}: expected ${expected}${got === undefined ? '' : `, got ${got}`}.${remedy ? ` ${remedy}` : ''}`,
      options,
    );
  }
}
