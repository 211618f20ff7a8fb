/** Where and with what a search was run. */
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, hostname, release, type } from 'node:os';
import { cards, machineMemory } from '../../machine.js';
import { TRAINING_VERSION } from '../../training/identity.js';
import { VERSION } from '../../version.js';
import { EVENTS_VERSION } from '../events.js';

const PACKAGES = ['@tensorflow/tfjs-node-gpu', 'node-av', 'onnxruntime-node', 'bullmq', 'vega'] as const;
const ROOT = new URL('../../../', import.meta.url);

function versionOf(name: string): string {
  try {
    const text = readFileSync(new URL(`node_modules/${name}/package.json`, ROOT), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch {
    return 'not found';
  }
}

/** Looked at once: it takes a process to ask for the cards. */
let known: ReturnType<typeof lookedUp> | undefined;

function lookedUp() {
  const { totalBytes } = machineMemory();
  return {
    versions: {
      'x3d-search': VERSION,
      training: TRAINING_VERSION,
      events: EVENTS_VERSION,
      node: process.versions.node,
      ...Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
    },
    machine: {
      host: hostname(),
      system: `${type()} ${release()} ${arch()}`,
      processor: cpus()[0]?.model.trim() ?? arch(),
      cores: availableParallelism(),
      memoryBytes: totalBytes,
      cards: cards().map(({ name, driver }) => `${name}, driver ${driver}`),
    },
  };
}

/** Versions, and the machine of the coordinator; workers may be on others, which the events name. */
export function environment() {
  known ??= lookedUp();
  return known;
}
