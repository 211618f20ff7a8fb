#!/usr/bin/env node
/** `x3d-search`: the commands, and how they end. */
import { Command } from 'commander';
import { VERSION } from '../version.js';
import { report } from './failure.js';

/** Loaded when named, so that the small ones start at once; help shows them in this order. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  setup: async () => (await import('./commands/setup.js')).setupCommand(),
  demo: async () => (await import('./commands/demo.js')).demoCommand(),
  run: async () => (await import('./commands/run.js')).runCommand(),
  train: async () => (await import('./commands/train.js')).trainCommand(),
  evaluate: async () => (await import('./commands/evaluate.js')).evaluateCommand(),
  predict: async () => (await import('./commands/predict.js')).predictCommand(),
  export: async () => (await import('./commands/export.js')).exportCommand(),
  benchmark: async () => (await import('./commands/benchmark.js')).benchmarkCommand(),
  init: async () => (await import('./commands/init.js')).initCommand(),
  inspect: async () => (await import('./commands/inspect.js')).inspectCommand(),
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand(),
  serve: async () => (await import('./commands/serve.js')).serveCommand(),
  worker: async () => (await import('./commands/worker.js')).workerCommand(),
  token: async () => (await import('./commands/token.js')).tokenCommand(),
  status: async () => (await import('./commands/status.js')).statusCommand(),
  compare: async () => (await import('./commands/compare.js')).compareCommand(),
  watch: async () => (await import('./commands/watch.js')).watchCommand(),
  logs: async () => (await import('./commands/logs.js')).logsCommand(),
  pause: async () => (await import('./commands/steering.js')).pauseCommand(),
  cancel: async () => (await import('./commands/steering.js')).cancelCommand(),
  retry: async () => (await import('./commands/steering.js')).retryCommand(),
  rm: async () => (await import('./commands/storage.js')).rmCommand(),
  gc: async () => (await import('./commands/storage.js')).gcCommand(),
  du: async () => (await import('./commands/storage.js')).duCommand(),
  backup: async () => (await import('./commands/backup.js')).backupCommand(),
  restore: async () => (await import('./commands/backup.js')).restoreCommand(),
  completion: async () =>
    (await import('./commands/completion.js')).completionCommand(() =>
      Promise.all(Object.values(COMMANDS).map((load) => load())),
    ),
  describe: async () => (await import('./commands/describe.js')).describeCommand(),
  replay: async () => (await import('./commands/replay.js')).replayCommand(),
};

const program = new Command('x3d-search')
  .description('Find the most accurate X3D network within a compute budget, on your own videos')
  .version(VERSION);
const named = process.argv[2] ?? '';
for (const name of Object.hasOwn(COMMANDS, named) ? [named] : Object.keys(COMMANDS)) {
  const command = await COMMANDS[name]?.();
  if (command) program.addCommand(command);
}
const json = process.argv.includes('--json');
for (const command of [
  program,
  ...program.commands,
  ...program.commands.flatMap(({ commands }) => commands),
]) {
  command.exitOverride();
  // For programs, `report` says what is wrong.
  if (json) command.configureOutput({ writeErr: () => {} });
  else command.showHelpAfterError('(--help shows an example)');
}

// Whoever reads the output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error, { json });
}
