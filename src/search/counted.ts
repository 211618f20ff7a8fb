/** What of a network's cost a search counts. */
import type { Complexity } from './configuration.js';
import type { CandidateCost } from './events.js';

export function counted(cost: CandidateCost, complexity: Complexity): number {
  const value = cost[complexity];
  if (value === undefined) throw new Error(`a cost without ${complexity}, which its search counts`);
  return value;
}
