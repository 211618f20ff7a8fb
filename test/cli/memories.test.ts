import { expect, it } from 'vitest';
import { memoriesOf } from '../../src/cli/supervisor.js';
import { machineMemory } from '../../src/machine.js';
import { asOnCpu } from '../../src/training/memory.js';

const card = (number: number, gigabytes: number) => ({
  ...{ number, name: 'a card', driver: '1', memoryBytes: gigabytes * 2 ** 30 },
});

it('workers on the CPU share the machine, but for a tenth', () => {
  const { totalBytes } = machineMemory();
  const own = memoriesOf(['cpu', 'cpu', 'cpu']);
  expect(own).toEqual([own[0], own[0], own[0]]);
  expect(3 * (own[0] ?? 0)).toBeLessThanOrEqual(0.9 * totalBytes);
  expect(3 * (own[0] ?? 0)).toBeGreaterThan(0.89 * totalBytes);
});

it('workers on cards share their card, as far as it goes beyond their share of the machine', () => {
  const small = card(0, 1);
  const large = card(1, 1e6);
  const [a, b, c] = memoriesOf(['cuda:0', 'cuda:0', 'cuda:1'], [small, large]);
  expect(a).toBe(asOnCpu(Math.floor((0.9 * small.memoryBytes) / 2)));
  expect(b).toBe(a);
  expect(c).toBe(Math.floor((0.9 * machineMemory().totalBytes) / 3));
});
