/**
 * Completion of commands, flags, their values and ids of runs in bash, zsh and fish, from the program as Commander has it. A
 * Tab starts no Node, as it does with the libraries for this: the scripts hold all that they say, but for the ids, which are
 * the names of the folders in the home that the line names, or that it would go to.
 */
import type { Argument, Command } from 'commander';
import { DEFAULT_HOME } from '../home.js';

/** What may stand somewhere: one of a few words, the id of a run (or a file), or, where undefined, anything. */
type Values = readonly string[] | 'ids' | undefined;

interface Flag {
  readonly name: string;
  readonly description: string;
  /** Empty where it takes none. */
  readonly values: Values;
}

interface Completed {
  /** "run", "token create". */
  readonly path: string;
  readonly description: string;
  /** Of commands below it. */
  readonly names: readonly string[];
  readonly flags: readonly Flag[];
  /** What stands right behind the command. */
  readonly first: Values;
  /** Whether that may be repeated. */
  readonly repeats: boolean;
}

/** By what the help calls it: `<id>`, `[networks...]`. */
const namesRun = (name: string): boolean => /^(ids?|networks?|weights)$/.test(name);
const valuesOf = ({ argChoices }: { readonly argChoices?: readonly string[] }, name: string): Values =>
  namesRun(name) ? 'ids' : argChoices;
const firstOf = (argument: Argument | undefined): Values => argument && valuesOf(argument, argument.name());

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
        .map((option) => ({
          name: option.long ?? '',
          description: brief(option.description),
          values:
            option.required || option.optional
              ? valuesOf(option, /[<[]([^>\]]+)/.exec(option.flags)?.[1] ?? '')
              : [],
        })),
      { name: '--help', description: 'show what it takes, with an example', values: [] },
    ],
    first: firstOf(command.registeredArguments[0]),
    repeats: command.registeredArguments[0]?.variadic ?? false,
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

/** Commands of one word that begin with one of some words, or ids. */
const withFirst = (commands: readonly Completed[]) =>
  commands.flatMap(({ path, first, repeats }) =>
    first && !path.includes(' ') ? [{ path, first, repeats }] : [],
  );

/** The command that a line names: its first word, and the second where that is one of the first's. */
const nested = (commands: readonly Completed[]) => commands.filter(({ names }) => names.length > 0);

function bash(program: string, commands: readonly Completed[]): string {
  const words = commands.filter(({ path }) => !path.includes(' ')).map(({ path }) => path);
  const offered = (values: readonly string[] | 'ids') =>
    values === 'ids' ? 'words=$(_x3d_search_ids)' : `words=${quoted(values.join(' '))}`;
  return `_x3d_search_ids() {
  local home=\${X3D_HOME:-${DEFAULT_HOME}} i
  for ((i = 2; i < COMP_CWORD; i++)); do
    [ "\${COMP_WORDS[i-1]}" != --home ] || home=\${COMP_WORDS[i]/#\\~/$HOME}
  done
  ls "$home/runs" 2>/dev/null
}
_x3d_search() {
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
${arms(withValues(commands).map(({ path, name, values }) => [`${path} ${name}`, offered(values)]))}
  esac
  if [ -z "$words" ] && [ "\${word#-}" = "$word" ]; then
    case $command in
${arms(withFirst(commands).map(({ path, first, repeats }) => [path, repeats ? `[ "\${before#-}" != "$before" ] || ${offered(first)}` : `[ "$COMP_CWORD" != 2 ] || ${offered(first)}`]))}
    esac
  fi
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
  const offered = (values: readonly string[] | 'ids') =>
    values === 'ids' ? '_x3d_search_ids; _files; return' : `compadd -- ${values.join(' ')}; return`;
  return `#compdef ${program}
_x3d_search_ids() {
  local home=\${X3D_HOME:-${DEFAULT_HOME}} i
  for ((i = 3; i < CURRENT; i++)); do
    [[ $words[i-1] != --home ]] || home=\${words[i]/#\\~/$HOME}
  done
  local -a ids=($home/runs/*(N/:t))
  compadd -- $ids
}
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
${arms(withValues(commands).map(({ path, name, values }) => [`${path} ${name}`, offered(values)]))}
  esac
  if [[ $PREFIX != -* ]]; then
    case $command in
${arms(withFirst(commands).map(({ path, first, repeats }) => [path, repeats ? `[[ $words[CURRENT-1] == -* ]] || { ${offered(first)}; }` : `(( CURRENT != 3 )) || { ${offered(first)}; }`]))}
    esac
  fi
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
  const offered = (values: readonly string[] | 'ids') =>
    quoted(values === 'ids' ? '(__x3d_search_ids)' : values.join(' '));
  return `function __x3d_search_ids
  set -l home ${DEFAULT_HOME}
  set -q X3D_HOME; and set home $X3D_HOME
  set -l words (commandline -opc)
  set -l at (contains -i -- --home $words); and set home (string replace -r '^~' $HOME -- $words[(math $at + 1)])
  for run in $home/runs/*/
    basename $run
  end
end
${commands
  .flatMap(({ path, description, names, flags, first }) => [
    ...(path.includes(' ') ? [] : [line('__fish_use_subcommand', `-f -a ${path} -d ${quoted(description)}`)]),
    ...names.map((name) => line(under(path), `-f -a ${name}`)),
    ...(first ? [line(under(path), `${first === 'ids' ? '' : '-f '}-a ${offered(first)}`)] : []),
    ...flags.map(({ name, description: what, values }) => {
      const takes =
        values === undefined
          ? ' -r'
          : values.length === 0
            ? ''
            : ` ${values === 'ids' ? '-r' : '-x'} -a ${offered(values)}`;
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
