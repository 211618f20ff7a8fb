#!/usr/bin/env node
/** `x3d-search`: the commands, and how they end. */
import { Command } from 'commander';
import { cancelCommand } from './commands/cancel.js';
import { demoCommand } from './commands/demo.js';
import { describeCommand } from './commands/describe.js';
import { inspectCommand } from './commands/inspect.js';
import { replayCommand } from './commands/replay.js';
import { runCommand } from './commands/run.js';
import { serveCommand } from './commands/serve.js';
import { statusCommand } from './commands/status.js';
import { workerCommand } from './commands/worker.js';
import { report } from './failure.js';

const program = new Command('x3d-search')
  .description('Find the most accurate X3D network within a compute budget, on your own videos')
  .version('0.1.0');
const commands = [
  demoCommand(),
  runCommand(),
  inspectCommand(),
  serveCommand(),
  workerCommand(),
  statusCommand(),
  cancelCommand(),
  describeCommand(),
  replayCommand(),
];
for (const command of commands) program.addCommand(command);
for (const command of [program, ...program.commands])
  command.exitOverride().showHelpAfterError('(--help shows an example)');

// Whoever reads the output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error, { json: process.argv.includes('--json') });
}
