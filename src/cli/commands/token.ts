/** `token`: who may use the service of a home over HTTP. */
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  createToken,
  listTokens,
  revokeTokens,
  SCOPES,
  type Scope,
  type TokenRecord,
} from '../../api/tokens.js';
import { homeAt } from '../../home.js';
import { example, homeOption, jsonOption, whole } from '../flags.js';
import { print } from '../printing.js';
import { columns } from '../table.js';

interface TokenOptions {
  readonly home: string;
  readonly json?: boolean;
}

interface CreateOptions extends TokenOptions {
  readonly scope: Scope;
  readonly searches?: number;
  readonly hours?: number;
}

function hours(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1e6) return value;
  throw new InvalidArgumentError('Expected hours, a number above 0.');
}

/** All but the hash, which is nobody's business. */
const shown = ({ hash, ...record }: TokenRecord) => record;

async function create(
  name: string,
  { home, scope, searches, hours, ...options }: CreateOptions,
): Promise<void> {
  const limits = {
    ...(searches === undefined ? {} : { searches }),
    ...(hours === undefined ? {} : { hours }),
  };
  const { token, record } = await createToken(homeAt(home), { account: name, scope, ...limits });
  print(options.json, { ...shown(record), token }, () => token);
  if (options.json) return;
  process.stderr.write(
    `This is shown once. Send it as "Authorization: Bearer TOKEN", or set X3D_TOKEN for status and cancel.\n`,
  );
}

function tableOf(records: readonly TokenRecord[]): string {
  if (records.length === 0) return 'no tokens: the service listens on loopback only';
  const table = columns({
    id: 'left',
    name: 'left',
    scope: 'left',
    made: 'left',
    searches: 'right',
    hours: 'right',
  });
  for (const { id, account, scope, createdAt, searches, hours } of records)
    table.push([id, account, scope, createdAt, searches ?? '', hours ?? '']);
  return `${table}`;
}

async function list(options: TokenOptions): Promise<void> {
  const records = await listTokens(homeAt(options.home));
  print(options.json, records.map(shown), () => tableOf(records));
}

async function revoke(name: string, options: TokenOptions): Promise<void> {
  const records = await revokeTokens(homeAt(options.home), name);
  print(options.json, records.map(shown), () =>
    records.map(({ id, account }) => `token ${id} of ${account} is taken back`).join('\n'),
  );
}

export function tokenCommand(): Command {
  const withShared = (command: Command) => command.addOption(homeOption()).addOption(jsonOption());
  return new Command('token')
    .description('Make, list and take back the tokens with which others may use the service of a home')
    .addCommand(
      withShared(
        new Command('create')
          .description('Make a token and print it, once; the home keeps its hash')
          .argument('<name>', 'whose it is')
          .addOption(
            new Option(
              '--scope <scope>',
              'what it allows: to look; to begin searches and steer its own too; to steer all',
            )
              .choices(SCOPES)
              .default('operate'),
          )
          .option('--searches <n>', 'that may run at once', whole)
          .option('--hours <n>', 'that its trainings may take in all', hours),
      ).action(create),
    )
    .addCommand(withShared(new Command('list').description('Show them, without their secrets')).action(list))
    .addCommand(
      withShared(
        new Command('revoke')
          .description('Take back a token, or all of a name; the next request with it is refused')
          .argument('<id-or-name>'),
      ).action(revoke),
    )
    .addHelpText('after', example('token create ada --scope operate --searches 2', 'token revoke ada'));
}
