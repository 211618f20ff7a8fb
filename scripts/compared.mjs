/** `npm run setup:compared`: programs that tests compare with; where one is missing, its tests are left out. */
import { alone, answer, say } from './setup/steps.mjs';
import { need } from './setup/system.mjs';

const PROGRAMS = [
  { command: 'ffmpeg', args: ['-version'] },
  { command: 'zsh', args: ['--version'] },
  { command: 'fish', args: ['--version'] },
];

await alone(async () => {
  await need(
    PROGRAMS.map((program) => ({ ...program, packages: [program.command] })),
    'by tests that compare with them',
    { repeat: '`npm run setup:compared`' },
  );
  for (const { command, args } of PROGRAMS) say(command, (await answer(command, args))?.split('\n')[0] ?? '');
});
