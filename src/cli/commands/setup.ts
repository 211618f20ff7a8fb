/** `setup`: what the package needs and npm does not bring, by the same program as `npm run setup` in a checkout. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { example } from '../flags.js';

const PROGRAM = fileURLToPath(new URL('../../../scripts/setup.mjs', import.meta.url));

const BUILDS = [
  new Option('--cpu', "TensorFlow's build for CPUs (default where there is no GPU)"),
  new Option('--cuda', "TensorFlow's build for CUDA cards (default where there is one)"),
  new Option('--without-tensorflow', "none: training runs on tfjs's own CPU backend, very slowly"),
];

async function setup(options: object): Promise<void> {
  const flags = BUILDS.filter((option) => option.attributeName() in options).map(({ long }) => long ?? '');
  const [code] = await once(spawn(process.execPath, [PROGRAM, ...flags], { stdio: 'inherit' }), 'close');
  process.exitCode = code ?? 3;
}

export function setupCommand(): Command {
  const command = new Command('setup').description(
    "Install what is missing: TensorFlow's library, the compiled kernels, redis-server",
  );
  for (const option of BUILDS) {
    const others = BUILDS.filter((other) => other !== option).map((other) => other.attributeName());
    command.addOption(option.conflicts(others));
  }
  return command.addHelpText('after', example('setup', 'setup --cuda')).action(setup);
}
