/** How a process ended that had not answered yet: as the reason in a sentence about what it had to do. */
export class EndedApart extends Error {
  override readonly name = 'EndedApart';
}

/** What a process ends itself with once it takes more memory than it may: no handler has to run. */
export const TOO_MUCH_MEMORY = 'SIGUSR2';
