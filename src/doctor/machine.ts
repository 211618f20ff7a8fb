/** What the machine itself brings: Node, the packages, FFmpeg, graphics cards, memory, cores. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cards, machineMemory } from '../machine.js';
import type { Finding } from './finding.js';

const require = createRequire(import.meta.url);
/** The oldest of each line that the packages run on; package.json says the same to npm. */
const OLDEST_NODE: Readonly<Record<number, number>> = { 20: 19, 22: 12 };

export function node(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major >= 20 && major !== 21 && minor >= (OLDEST_NODE[major] ?? 0))
    return { name: 'node', state: 'ok', found: version };
  return {
    name: 'node',
    state: 'missing',
    found: version,
    remedy: 'Install Node 20.19, or 22.12 or later.',
  };
}

interface Package {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Not every package lets its package.json be imported by name. */
function packageNamed(name: string): Package | undefined {
  for (const folder of require.resolve.paths(name) ?? []) {
    const path = join(folder, name, 'package.json');
    if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Package;
  }
  return undefined;
}

export function packages(): Finding {
  const { dependencies = {} } = require('../../package.json') as Package;
  const wanted = Object.entries(dependencies);
  const wrong = wanted.flatMap(([name, version]) => {
    const installed = packageNamed(name)?.version;
    if (installed === version) return [];
    return [`${name} is ${installed === undefined ? 'not there' : `${installed} instead of ${version}`}`];
  });
  if (wrong.length === 0)
    return { name: 'packages', state: 'ok', found: `${wanted.length}, in the versions asked for` };
  return { name: 'packages', state: 'missing', found: wrong.join(', '), remedy: 'Run `x3d-search setup`.' };
}

export async function video(): Promise<Finding> {
  try {
    const { getFFmpegInfo } = await import('node-av');
    const { version, libraries } = getFFmpegInfo();
    const { avcodec, avformat, swscale } = libraries;
    return {
      name: 'ffmpeg',
      state: 'ok',
      found: `${version}: avcodec ${avcodec}, avformat ${avformat}, swscale ${swscale}`,
      details: { version, libraries },
    };
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    return {
      name: 'ffmpeg',
      state: 'missing',
      found: `node-av can't be loaded: ${reason}`,
      remedy: 'Run `x3d-search setup`; node-av has builds for Linux on x64 and arm64.',
    };
  }
}

export function graphics(): Finding {
  const details = cards();
  const found = details
    .map(({ name, memoryBytes, driver }) => `${name}, ${gigabytes(memoryBytes)}, driver ${driver}`)
    .join('; ');
  return { name: 'gpu', state: 'ok', found: found || 'none', details };
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

export function memory(): Finding {
  const details = machineMemory();
  const found = `${gigabytes(details.totalBytes)}, ${gigabytes(details.freeBytes)} free`;
  return { name: 'memory', state: 'ok', found, details };
}

export function cores(): Finding {
  const count = availableParallelism();
  return { name: 'cores', state: 'ok', found: String(count), details: { count } };
}
