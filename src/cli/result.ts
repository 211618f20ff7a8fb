/** What a search or a training came to, as its last words. */
import pc from 'picocolors';
import type { Home } from '../home.js';
import type { SingleView } from '../search/reporting/single.js';
import type { Trajectory } from '../search/views.js';
import { amount, digits, duration, scoreText, windowsText } from './figures.js';
import { invocation } from './invocation.js';
import { networkText, trajectoryTable } from './tables.js';

/** What to know at the end, for programs. */
export function resultOf(trajectory: Trajectory, folder: string) {
  const { search, status, reason, unreachable, final, notes, spending } = trajectory;
  return {
    kind: 'result' as const,
    search,
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(unreachable === undefined ? {} : { unreachable }),
    ...(final ? { network: { ...final.factors, ...final.cost } } : {}),
    ...(final?.outcome ? { evaluations: final.outcome.evaluations, why: final.reason } : {}),
    notes,
    spending,
    folder,
    files: { trajectory: `${folder}/trajectory.json`, chart: `${folder}/trajectory.svg` },
  };
}

/** How the network of a run in a home is used next. */
export const useText = (run: string, home: Home): string =>
  `The network is used by its id, here and with evaluate, export and benchmark:
  ${invocation('predict', run, '--home', home.folder)} VIDEO…`;

/** What goes on with a training that was stopped. */
export const goingOn = (run: string, home: Home): string =>
  invocation('train', '--resume', run, '--home', home.folder);

/** Where a training of `train` stands, or what it came to. `home`: where it is one of this machine. */
export function singleText(
  { id, status, step, steps, factors, cost, result }: SingleView,
  home?: Home,
): string {
  const { validation, test, 'test-left-center-right': windows } = result?.evaluations ?? {};
  return [
    `network     ${networkText(factors)}: ${digits(cost.multiplyAdds)} multiply-adds, ${digits(cost.parameters)} parameters`,
    ...(validation ? [`validation  ${scoreText(validation)}`] : []),
    ...(test ? [`${pc.bold(`test        ${scoreText(test)}`)}${windowsText(windows)}`] : []),
    result
      ? `trained     ${steps} steps in ${Math.round(result.seconds)} s`
      : `trained     ${step} of ${steps} steps`,
    ...(home
      ? [
          `folder      ${home.run(id)}`,
          `            report.html shows it all${result ? '; network/weights.safetensors' : ''}`,
        ]
      : []),
    ...(home && result ? [useText(id, home)] : []),
    ...(home && !result && status !== 'running'
      ? [`This goes on where it was:\n  ${goingOn(id, home)}`]
      : []),
  ].join('\n');
}

/** `folder`: of the run, or where a service has it; `home`: where it is one of this machine. */
export function resultText(trajectory: Trajectory, folder: string, home?: Home): string {
  const { search, status, reason, unreachable, final, notes, spending } = trajectory;
  const lines = [trajectoryTable(trajectory)];
  if (status === 'failed') lines.push(pc.red(`The search failed: ${reason}`));
  if (status === 'cancelled') lines.push(pc.yellow('The search was cancelled.'));
  if (unreachable !== undefined) lines.push(pc.yellow(`The target was not reached: ${unreachable}`));
  if (final?.outcome) {
    const { factors, cost, outcome } = final;
    const { test, validation, 'test-left-center-right': windows } = outcome.evaluations;
    lines.push(
      `network     ${networkText(factors)}: ${digits(cost.multiplyAdds)} multiply-adds, ${digits(cost.parameters)} parameters`,
      `            ${final.reason}`,
    );
    if (validation) lines.push(`validation  ${scoreText(validation)}`);
    if (test) lines.push(`${pc.bold(`test        ${scoreText(test)}`)}${windowsText(windows)}`);
  }
  lines.push(
    `spent       ${spending.trainings} trainings, ${amount(spending.multiplyAdds)} multiply-adds, ${duration(3600 * spending.hours)} of workers`,
  );
  for (const note of notes) lines.push(pc.yellow(note));
  lines.push(`folder      ${folder}`);
  if (status === 'ended')
    lines.push('            report.html shows it all; trajectory.json, network/weights.safetensors');
  if (final?.outcome && home) lines.push(useText(search, home));
  return lines.join('\n');
}
