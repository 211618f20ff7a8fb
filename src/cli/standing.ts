/** A process tree that stands until it is stopped: what `serve` and `worker` do. */
import { adviceOn } from './fleet.js';
import { aborted, interruptible } from './interruption.js';
import { sayData, say as sayLine } from './printing.js';
import { type Supervisor, type SupervisorOptions, startSupervisor } from './supervisor.js';

/** A line for people, or `data` for programs. */
export type Say = (line: string, data: object) => void;

export interface Standing extends Omit<SupervisorOptions, 'verbose' | 'onReplaced'> {
  readonly json: boolean;
  /** Says what stands, once it does. */
  readonly onUp: (supervisor: Supervisor, say: Say) => void;
}

/** Resolves when it was stopped in order. Throws X3dError where it can't start, or can't go on. */
export async function standUntilStopped({ json, onUp, ...options }: Standing): Promise<void> {
  const say: Say = (line, data) => (json ? sayData(data) : sayLine(line));
  await interruptible(async (interrupted) => {
    const supervisor = await startSupervisor({
      ...options,
      verbose: true,
      onReplaced: (name, why) =>
        say(`${name} ended (${why}) and is started again`, { kind: 'replaced', process: name, why }),
    });
    try {
      for (const { line, data } of adviceOn(options.fleet.devices)) say(line, data);
      onUp(supervisor, say);
      const error = await Promise.race([aborted(interrupted), supervisor.givenUp]);
      if (error) throw error;
    } finally {
      await supervisor.stop();
    }
  });
}
