/**
 * Property-based tests see the same cases in every run, so that a failure belongs to the change that meets it. With
 * X3D_PROPERTY_RUNS=4000 they look further, at other cases each time.
 */
import fc from 'fast-check';

const runs = Number(process.env.X3D_PROPERTY_RUNS ?? 0);
fc.configureGlobal(runs > 0 ? { numRuns: runs } : { seed: 2004_04730 });
