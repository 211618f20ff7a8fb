/** The flags that say which workers run on this machine. */
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { X3dError } from '../errors.js';
import { cards } from '../machine.js';
import { bindingInstalled } from '../training/engine/installed.js';
import type { Device } from '../training/training.js';
import { whole } from './flags.js';
import type { Fleet } from './supervisor.js';

export interface FleetOptions {
  readonly workers?: number;
  readonly threads?: number;
  readonly device?: readonly Device[];
  readonly perDevice: number;
  readonly lockMs?: number;
  readonly trainer?: string;
  readonly trainerProgram?: string;
}

export function deviceNamed(name: string): Device {
  if (/^(cpu|cuda:\d+)$/.test(name)) return name as Device;
  throw new InvalidArgumentError('Expected cpu or a CUDA card by number, as cuda:0.');
}

const devices = (text: string, before: readonly Device[] | undefined): Device[] => [
  ...(before ?? []),
  ...text.split(',').map(deviceNamed),
];

export function withFleet(command: Command): Command {
  return command
    .option(
      '--workers <n>',
      'trainings side by side (default: cores / threads, or --per-device a card)',
      whole,
    )
    .option(
      '--threads <n>',
      'threads of one trainer: on a CPU of its steps (default: 1), on a card of its data (default: its share of the cores)',
      whole,
    )
    .option('--device <names>', 'cpu (default), or CUDA cards as cuda:0,cuda:1', devices)
    .option('--per-device <n>', 'trainings side by side on one CUDA card', whole, 1)
    .option('--trainer <command>', 'a program of your own that trains, for each candidate (docs/trainer.md)')
    .addOption(new Option('--lock-ms <n>').argParser(whole).hideHelp())
    .addOption(new Option('--trainer-program <file>').hideHelp());
}

/**
 * Before anything starts: a candidate that finds no card would fail after its data were read. Throws X3dError
 * environment for a card that is not there.
 */
export function refuseMissing(devices: readonly Device[]): void {
  const wanted = devices.filter((name) => name !== 'cpu');
  if (wanted.length === 0) return;
  const found = cards().map(({ number }) => number);
  const missing = wanted.find((name) => !found.includes(Number(name.replace('cuda:', ''))));
  if (missing === undefined) return;
  throw new X3dError('environment', {
    subject: `--device ${missing}`,
    expected: 'a CUDA card of this machine',
    got:
      found.length === 0 ? 'a machine without one' : `one with ${found.map((n) => `cuda:${n}`).join(', ')}`,
    remedy: 'Leave --device out to train on the CPU; `x3d-search doctor` shows what the machine has.',
  });
}

const MOST_COMMAND = 1000;

/** Throws X3dError invalid-input for what can be no command. */
function trainerNamed(command: string): string {
  const trimmed = command.trim();
  if (trimmed !== '' && trimmed.length <= MOST_COMMAND) return trimmed;
  throw new X3dError('invalid-input', {
    subject: '--trainer',
    expected: `a command of at most ${MOST_COMMAND} characters, as 'python3 train.py'`,
    got: trimmed === '' ? 'nothing' : `${trimmed.length} characters`,
  });
}

/** Throws X3dError environment for a card that is not there. */
export function fleetOf({
  workers,
  threads,
  device,
  perDevice,
  lockMs,
  trainer,
  trainerProgram,
}: FleetOptions): Fleet {
  const devices = device ?? ['cpu'];
  refuseMissing(devices);
  const share = Math.floor(availableParallelism() / (workers ?? devices.length * perDevice));
  return {
    ...(workers === undefined ? {} : { workers }),
    threads: threads ?? (devices.includes('cpu') ? 1 : Math.max(1, share)),
    devices,
    perDevice,
    ...(lockMs === undefined ? {} : { lockMs }),
    ...(trainer === undefined ? {} : { trainer: trainerNamed(trainer) }),
    ...(trainerProgram === undefined ? {} : { trainerProgram }),
  };
}

/** That trainings are slow on this machine, where they are. */
export const slowTraining = (): string | undefined =>
  bindingInstalled()
    ? undefined
    : "TensorFlow's library is not installed: training runs on tfjs's own CPU backend, hundreds of times slower. `x3d-search setup` says what it lacks.";

/** What to know of trainings on these devices before they start, for people and as data. */
export function adviceOn(
  devices: readonly Device[],
): readonly { readonly line: string; readonly data: object }[] {
  const slow = slowTraining();
  if (slow !== undefined) return [{ line: slow, data: { kind: 'slow', reason: slow } }];
  if (devices.some((device) => device !== 'cpu')) return [];
  const unused = cards().map(({ number }) => `cuda:${number}`);
  if (unused.length === 0) return [];
  const line = `Trainings run on the CPU; --device ${unused.join(',')} has them run on this machine's cards.`;
  return [{ line, data: { kind: 'unused-cards', devices: unused } }];
}
