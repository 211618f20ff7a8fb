/** `doctor`: what this machine has and lacks. */
import { Command } from 'commander';
import pc from 'picocolors';
import { type Examination, examine } from '../../doctor/index.js';
import { ERROR_KINDS } from '../../errors.js';
import { example, jsonOption } from '../flags.js';
import { print } from '../printing.js';

function text({ ok, findings }: Examination): string {
  const lines = findings.flatMap(({ name, state, found, remedy }) => [
    `${state === 'ok' ? pc.green('ok     ') : pc.red('missing')}  ${name.padEnd(11)}${found}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(20)}${remedy}`]),
  ]);
  const missing = findings.filter(({ state }) => state === 'missing').length;
  return [...lines, ok ? 'Nothing is missing.' : `${missing} missing.`].join('\n');
}

async function doctor({ json }: { readonly json?: boolean }): Promise<void> {
  const examination = await examine();
  print(json, examination, () => text(examination));
  if (!examination.ok) process.exitCode = ERROR_KINDS.environment.exitCode;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say what this machine has for searches and what it lacks; exits with 3 if anything')
    .addOption(jsonOption())
    .addHelpText('after', example('doctor', 'doctor --json'))
    .action(doctor);
}
