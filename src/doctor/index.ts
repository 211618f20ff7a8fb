/** What a machine has and lacks for searches. */
import type { Examination } from './finding.js';
import { cores, graphics, memory, node, packages, video } from './machine.js';
import { redis } from './redis.js';
import { tensorFlow } from './tensorflow.js';

export type { Examination, Finding } from './finding.js';

/** Takes some seconds: TensorFlow is loaded in a process of its own and its gradients are tried. */
export async function examine(): Promise<Examination> {
  const [engine, store, decoder, cards] = await Promise.all([tensorFlow(), redis(), video(), graphics()]);
  const findings = [node(), packages(), ...engine, store, decoder, cards, memory(), cores()];
  return { ok: findings.every(({ state }) => state === 'ok'), findings };
}
