/**
 * Who may ask, and from where. In this order, before anything else of a request is looked at: the headers that keep
 * browsers from doing more with an answer than show it; the name that was asked for, so that no foreign name can be
 * pointed at this service (DNS rebinding); the page that asks, so that none but the service's own can; the token.
 *
 * Without tokens the service is open to its own machine, and to nobody else: see `refuseOpenDoor`.
 */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { FastifyRequest } from 'fastify';
import { X3dError } from '../errors.js';
import type { Home } from '../home.js';
import { refuseLostHome } from '../home-watch.js';
import type { App, Service } from './service.js';
import { type Account, accountOf, hasTokens, listTokens, SCOPES, type Scope, sameToken } from './tokens.js';

export interface AccessOptions {
  /** The address that is listened on. Default 127.0.0.1. */
  readonly host?: string;
  /** Names by which the service is reached, beside addresses, localhost and the machine's own name. */
  readonly names?: readonly string[];
  /** Addresses (or networks, as 10.0.0.0/8) of proxies whose word on who asks is taken. */
  readonly trustProxy?: readonly string[];
  /** Of whoever started the service: with it all is allowed. */
  readonly ownerToken?: string;
  /** Whether a token is needed even where there is none yet. Default: where others than this machine can ask. */
  readonly tokenNeeded?: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route takes. Default: read for GET, operate for all else. */
    readonly scope?: Scope | 'public';
  }
  interface FastifyRequest {
    account: Account;
    /** Whether whoever asked may still: a token may be taken back while an answer goes on. */
    mayStill: () => Promise<boolean>;
  }
}

const OWNER: Account = { account: 'owner', scope: 'admin' };
const NOBODY: Account = { account: 'nobody', scope: 'read' };

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** Whether others than this machine's own users may reach the service. */
const isReachable = ({ host = '127.0.0.1', trustProxy = [] }: AccessOptions): boolean =>
  !isLoopback(host) || trustProxy.length > 0;

/** Throws X3dError invalid-input where the service would be open to others than its own machine. */
export async function refuseOpenDoor(home: Home, options: AccessOptions): Promise<void> {
  if (!isReachable(options) || (await listTokens(home)).length > 0) return;
  throw new X3dError('invalid-input', {
    subject: '--host',
    expected: 'a loopback address, such as 127.0.0.1, as long as there is no token',
    got: options.host ?? '127.0.0.1',
    remedy: `Make one first: x3d-search token create NAME --scope admin --home ${home.folder}`,
  });
}

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
  // Charts bring their styles with them. Nothing else is run or fetched, whatever a class is called.
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
};

/** The documents come with a policy of their own, which names their scripts. */
const isDocuments = (url: string) => /^\/docs(\/|\?|$)/.test(url);

const forbidden = (subject: string, expected: string, got: string, remedy?: string) =>
  new X3dError('forbidden', { subject, expected, got, ...(remedy === undefined ? {} : { remedy }) });

/** The name in a Host header, in lower case, without port and brackets; undefined for what is none. */
function nameIn(host: string): string | undefined {
  if (!/^[\w.:[\]-]+$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function checkHost({ host }: FastifyRequest, names: ReadonlySet<string>): void {
  const name = nameIn(host ?? '');
  // A page can be given any name, but not an address that is not its own.
  if (name !== undefined && (isIP(name) !== 0 || names.has(name))) return;
  throw forbidden(
    'Host',
    `an address, or one of ${[...names].join(', ')}`,
    name ?? JSON.stringify(host ?? ''),
    'Ask under one of these, or name it at the start: serve --allow-host NAME.',
  );
}

function checkOrigin({ headers, host, method }: FastifyRequest): void {
  const { origin } = headers;
  const own = (from: string) =>
    URL.canParse(from) &&
    URL.canParse(`${new URL(from).protocol}//${host}`) &&
    new URL(from).host === new URL(`${new URL(from).protocol}//${host}`).host;
  if (origin !== undefined && !own(origin))
    throw forbidden('Origin', `the service's own pages, or programs`, JSON.stringify(origin.slice(0, 100)));
  const site = headers['sec-fetch-site'];
  const foreign = site === 'cross-site' || site === 'same-site';
  // To follow a link from elsewhere is fine.
  const link = method === 'GET' && headers['sec-fetch-mode'] === 'navigate';
  if (foreign && !link) throw forbidden('Sec-Fetch-Site', `the service's own pages, or programs`, site);
}

const unauthenticated = (got: string) =>
  new X3dError('unauthenticated', {
    subject: 'Authorization',
    expected: 'Bearer and a token',
    got,
    remedy: 'For the command line set X3D_TOKEN; `x3d-search token create` makes one.',
  });

/** Every answer has these headers. */
export function sendHeaders(app: App): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    if (isDocuments(request.url)) reply.removeHeader('content-security-policy');
    if (request.protocol === 'https') reply.header('strict-transport-security', 'max-age=31536000');
  });
}

type GuardedHome = Pick<Service, 'home' | 'homeWatch'>;

/** Puts these checks before every route of `app`; a request then has its `account`. */
export function guard(app: App, { home, homeWatch }: GuardedHome, options: AccessOptions): void {
  const { host = '127.0.0.1', ownerToken } = options;
  const names = new Set(
    ['localhost', hostname(), host, ...(options.names ?? [])].map((name) => name.toLowerCase()),
  );
  const always = options.tokenNeeded ?? isReachable(options);
  /** Whether there were tokens when the home was last to be read: that it is away lets nobody in, and shuts nobody out. */
  let known = false;
  const isAway = async () => !existsSync(home.id) && (await homeWatch.trouble()) !== undefined;
  const isTokenNeeded = async (): Promise<boolean> => {
    if (always) return true;
    const found = await hasTokens(home);
    if (found || !(await isAway())) known = found;
    return known;
  };

  const whoAsks = async ({ headers }: FastifyRequest): Promise<Account> => {
    const { authorization } = headers;
    if (authorization === undefined) {
      if (await isTokenNeeded()) throw unauthenticated('nothing');
      return OWNER;
    }
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw unauthenticated('something else');
    if (ownerToken !== undefined && sameToken(token, ownerToken)) return OWNER;
    const account = await accountOf(home, token);
    if (!account && (await isAway())) await refuseLostHome(homeWatch);
    if (!account) throw unauthenticated('one that is not known here, or no longer');
    return account;
  };

  app.decorateRequest('account');
  app.decorateRequest('mayStill');
  app.addHook('onRequest', async (request) => {
    checkHost(request, names);
    checkOrigin(request);
    const { method, routeOptions } = request;
    const needed = routeOptions.config.scope ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'operate');
    const open = needed === 'public' || isDocuments(request.url);
    request.account = open ? NOBODY : await whoAsks(request);
    request.mayStill = () =>
      open
        ? Promise.resolve(true)
        : whoAsks(request).then(
            ({ account }) => account === request.account.account,
            // Nobody can tell now.
            (error) => !(error instanceof X3dError && error.kind === 'unauthenticated'),
          );
    if (!open && SCOPES.indexOf(request.account.scope) < SCOPES.indexOf(needed))
      throw forbidden('the token', `one with the scope ${needed}`, request.account.scope);
  });
}
