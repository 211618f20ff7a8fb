/** Errors of a disk that can't take a file: full, read-only, not ours. What is cached can be made again instead. */
const REFUSALS = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM']);

export const diskRefuses = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && REFUSALS.has(String(error.code));
