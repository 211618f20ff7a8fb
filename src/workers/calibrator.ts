/**
 * The calibrator: a process that measures how fast trainings are on a device, and ends. Its environment is a trainer's; its
 * one argument is JSON: {"base", "device"}.
 */
import Type from 'typebox';
import { Value } from 'typebox/value';
import { X3dError } from '../errors.js';
import { BASES, type BaseName } from '../network/index.js';
import type { Device } from '../training/training.js';
import type { CalibratorReport } from './speeds.js';

const Argument = Type.Object({
  base: Type.Enum(Object.keys(BASES) as BaseName[]),
  device: Type.Unsafe<Device>(Type.String({ pattern: '^(cpu|cuda:\\d+)$' })),
});

const report = (message: CalibratorReport): Promise<void> =>
  new Promise((done) => {
    if (!process.send?.(message, undefined, {}, () => done())) done();
  });

process.on('disconnect', () => process.exit(1));
const { base, device } = Value.Parse(Argument, JSON.parse(process.argv[2] ?? '{}'));
try {
  const { measurePace } = await import('../training/measuring.js');
  const pace = await measurePace(base, device, (done, of) => void report({ kind: 'progress', done, of }));
  await report({ kind: 'pace', pace });
} catch (error) {
  const reason = error instanceof X3dError ? (error.facts.got ?? error.message) : String(error);
  await report({ kind: 'failure', reason });
}
process.exit(0);
