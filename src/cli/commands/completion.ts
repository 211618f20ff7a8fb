/** `completion`: a script with which a shell completes commands, flags and their values. */
import { Argument, Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../completion.js';
import { example } from '../flags.js';
import { say } from '../printing.js';

/** `commands`: all that the program has. */
export function completionCommand(commands: () => Promise<readonly Command[]>): Command {
  return new Command('completion')
    .description('Print a script that completes commands, flags and values in a shell')
    .addArgument(new Argument('<shell>', 'that is to read it').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `${example('completion bash >> ~/.bashrc', 'completion zsh > ~/.zfunc/_x3d-search', 'completion fish > ~/.config/fish/completions/x3d-search.fish')}`,
    )
    .action(async (shell: Shell) => say(completionScript(shell, 'x3d-search', await commands()).trimEnd()));
}
