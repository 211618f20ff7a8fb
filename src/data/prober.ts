/** The process that probes videos, one after the other. */
import { workApart } from '../apart/child.js';
import { type Probed, type ProbeOrder, probe } from './probing.js';

workApart<ProbeOrder, Probed>(probe);
