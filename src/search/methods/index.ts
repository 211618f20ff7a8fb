import type { MethodName } from '../configuration.js';
import { compoundMethod } from './compound.js';
import type { Method } from './method.js';
import { paperMethod } from './paper.js';
import { raceMethod } from './race.js';
import { randomMethod } from './random.js';

export const METHODS: Readonly<Record<MethodName, Method>> = {
  race: raceMethod,
  paper: paperMethod,
  compound: compoundMethod,
  random: randomMethod,
};
