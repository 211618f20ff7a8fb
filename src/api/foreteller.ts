/** The process that foretells when searches will be over; see endings.ts. */
import { workApart } from '../apart/child.js';
import { type Ending, endingOf } from '../search/planning/ending.js';
import type { EndingOrder } from './endings.js';

workApart<EndingOrder, Ending | undefined>(({ state, speeds, now }) => endingOf(state, speeds, now));
