/**
 * Completion of commands, flags and their values in bash, zsh and fish, from the program as Commander has it. The scripts
 * hold all that they say: a Tab starts no Node, as it does with the libraries for this.
 */
import type { Command } from 'commander';

interface Flag {
  readonly name: string;
  readonly description: string;
  /** Those that it may have; undefined where anything goes, empty where it takes none. */
  readonly values: readonly string[] | undefined;
}

interface Completed {
  /** "run", "token create". */
  readonly path: string;
  readonly description: string;
  /** Of commands below it. */
  readonly names: readonly string[];
  readonly flags: readonly Flag[];
}

/** To the end of its first clause: there is one line for it. */
const brief = (text: string) => text.split(/[.;:(\n]/)[0]?.trim() ?? '';

function completed(command: Command, above = ''): Completed[] {
  const path = `${above}${command.name()}`;
  const own: Completed = {
    path,
    description: brief(command.description()),
    names: command.commands.map((below) => below.name()),
    flags: [
      ...command.options
        .filter(({ hidden }) => !hidden)
        .map(({ long, description, argChoices, required, optional }) => ({
          name: long ?? '',
          description: brief(description),
          values: required || optional ? argChoices : [],
        })),
      { name: '--help', description: 'show what it takes, with an example', values: [] },
    ],
  };
  return [own, ...command.commands.flatMap((below) => completed(below, `${path} `))];
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Arms of a `case`: what is matched, and what is done. */
const arms = (lines: readonly (readonly [string, string])[]) =>
  lines.map(([matched, done]) => `    ${quoted(matched)}) ${done} ;;`).join('\n');

const withValues = (commands: readonly Completed[]) =>
  commands.flatMap(({ path, flags }) =>
    flags.flatMap(({ name, values }) => (values && values.length > 0 ? [{ path, name, values }] : [])),
  );

/** The command that a line names: its first word, and the second where that is one of the first's. */
const nested = (commands: readonly Completed[]) => commands.filter(({ names }) => names.length > 0);

function bash(program: string, commands: readonly Completed[]): string {
  const words = commands.filter(({ path }) => !path.includes(' ')).map(({ path }) => path);
  return `_x3d_search() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W ${quoted([...words, '--help', '--version'].join(' '))} -- "$word"))
    return
  fi
  case $command in
${arms(nested(commands).map(({ path, names }) => [path, `if [ "$COMP_CWORD" = 2 ]; then words=${quoted(names.join(' '))}; else command="$command \${COMP_WORDS[2]}"; fi`]))}
  esac
  case "$command $before" in
${arms(withValues(commands).map(({ path, name, values }) => [`${path} ${name}`, `words=${quoted(values.join(' '))}`]))}
  esac
  if [ -z "$words" ] && [ "\${word#-}" != "$word" ]; then
    case $command in
${arms(commands.map(({ path, flags }) => [path, `words=${quoted(flags.map(({ name }) => name).join(' '))}`]))}
    esac
  fi
  [ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _x3d_search ${program}
`;
}

function zsh(program: string, commands: readonly Completed[]): string {
  const described = (items: readonly { readonly name: string; readonly description: string }[]) =>
    items.map(({ name, description }) => quoted(`${name}:${description}`)).join(' ');
  const top = commands.filter(({ path }) => !path.includes(' ')).map((own) => ({ ...own, name: own.path }));
  return `#compdef ${program}
_x3d_search() {
  local command=$words[2]
  local -a found
  if (( CURRENT == 2 )); then
    found=(${described(top)})
    _describe command found
    return
  fi
  case $command in
${arms(nested(commands).map(({ path, names }) => [path, `if (( CURRENT == 3 )); then compadd -- ${names.join(' ')}; return; else command="$command $words[3]"; fi`]))}
  esac
  case "$command $words[CURRENT-1]" in
${arms(withValues(commands).map(({ path, name, values }) => [`${path} ${name}`, `compadd -- ${values.join(' ')}; return`]))}
  esac
  if [[ $PREFIX != -* ]]; then
    _files
    return
  fi
  case $command in
${arms(commands.map(({ path, flags }) => [path, `found=(${described(flags)})`]))}
  esac
  _describe -o flag found
}
compdef _x3d_search ${program}
`;
}

function fish(program: string, commands: readonly Completed[]): string {
  const line = (condition: string, rest: string) => `complete -c ${program} -n ${quoted(condition)} ${rest}`;
  const under = (path: string) =>
    path
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
  return `${commands
    .flatMap(({ path, description, names, flags }) => [
      ...(path.includes(' ')
        ? []
        : [line('__fish_use_subcommand', `-f -a ${path} -d ${quoted(description)}`)]),
      ...names.map((name) => line(under(path), `-f -a ${name}`)),
      ...flags.map(({ name, description: what, values }) => {
        const takes =
          values === undefined ? ' -r' : values.length === 0 ? '' : ` -x -a ${quoted(values.join(' '))}`;
        return line(under(path), `-l ${name.slice(2)}${takes} -d ${quoted(what)}`);
      }),
    ])
    .join('\n')}\n`;
}

export const SHELLS = { bash, zsh, fish } as const;
export type Shell = keyof typeof SHELLS;

/** The script for a shell, from all commands of the program. */
export const completionScript = (shell: Shell, program: string, commands: readonly Command[]): string =>
  SHELLS[shell](
    program,
    commands.flatMap((command) => completed(command)),
  );
