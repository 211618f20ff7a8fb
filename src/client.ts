/** A client of the service's API for programs: its paths as functions, its answers with their types. */
import type { Listing } from './api/routes/artifacts.js';
import type { CandidateDetail, FinalDetail } from './api/routes/candidates.js';
import type { Prediction } from './api/routes/predictions.js';
import type { RemovedSearch, SearchPage } from './api/routes/searches.js';
import type { Workers } from './api/routes/workers.js';
import type { SearchView } from './api/search-view.js';
import { connectTo, follow, type Happening, serviceOf } from './cli/client.js';
import { homeAt } from './home.js';
import type { SearchInput } from './search/configuration.js';
import type { Trajectory } from './search/views.js';

export type { CandidateDetail, FinalDetail, Prediction, RemovedSearch, SearchPage, SearchView };

export interface Page {
  /** How many to leave out. Default 0. */
  readonly offset?: number;
  /** At most 100. Default 20. */
  readonly limit?: number;
}

/**
 * Every call throws the service's X3dError: `kind` says what is wrong (`invalid-input`, `not-found`, `conflict` ...),
 * `facts` with which field; environment where nothing answers.
 */
export interface X3dClient {
  readonly url: string;
  /** Starts a search. Videos that were not looked at before may take longer than a request: then not-ready; ask again. */
  start(input: SearchInput): Promise<SearchView>;
  /** The newest first. */
  searches(page?: Page): Promise<SearchPage>;
  search(id: string): Promise<SearchView>;
  trajectory(id: string): Promise<Trajectory>;
  candidate(id: string, candidate: string): Promise<CandidateDetail>;
  /** The network found; not-found until it is chosen. */
  final(id: string): Promise<FinalDetail>;
  pause(id: string): Promise<SearchView>;
  resume(id: string): Promise<SearchView>;
  /** Tries again the trainings that failed for good, of a search that waits for that with a `reason`. */
  retry(id: string): Promise<SearchView>;
  cancel(id: string): Promise<SearchView>;
  /** Forgets a search that does not run: its log, its folder, and the trainings that no other search has. */
  remove(id: string): Promise<RemovedSearch>;
  /**
   * What the network found sees in a video of any format that FFmpeg reads; of a file, `await openAsBlob(path)` of node:fs.
   * conflict until the search has ended.
   */
  predict(id: string, video: Blob | Uint8Array<ArrayBuffer>): Promise<Prediction>;
  workers(): Promise<Workers['workers']>;
  /** Paths and sizes of the files that a search has left. */
  files(id: string): Promise<Listing['files']>;
  /** One of them. */
  file(id: string, path: string): Promise<Uint8Array>;
  /** All that happens in a search, from its first event to its last; goes on where it was after a lost connection. */
  events(id: string, signal?: AbortSignal): AsyncGenerator<Happening>;
}

function clientOf(connected: ReturnType<typeof connectTo>): X3dClient {
  const { url, get, post } = connected;
  const path = (id: string, ...rest: string[]) =>
    ['/searches', ...[id, ...rest].map(encodeURIComponent)].join('/');
  return {
    url,
    start: (input) => post('/searches', input),
    searches: ({ offset = 0, limit = 20 } = {}) => get(`/searches?offset=${offset}&limit=${limit}`),
    search: (id) => get(path(id)),
    trajectory: (id) => get(path(id, 'trajectory')),
    candidate: (id, candidate) => get(path(id, 'candidates', candidate)),
    final: (id) => get(path(id, 'final')),
    pause: (id) => post(path(id, 'pause')),
    resume: (id) => post(path(id, 'resume')),
    cancel: (id) => post(path(id, 'cancel')),
    retry: (id) => post(path(id, 'retry')),
    remove: (id) => connected.remove(path(id)),
    predict: (id, video) => connected.send(path(id, 'predictions'), video),
    workers: async () => (await get<Workers>('/workers')).workers,
    files: async (id) => (await get<Listing>(path(id, 'artifacts'))).files,
    file: (id, file) => connected.bytes(path(id, 'artifacts', ...file.split('/'))),
    events: (id, signal = new AbortController().signal) => follow(connected, id, signal),
  };
}

/** The service at `url`, as http://127.0.0.1:8080. Default of the token: X3D_TOKEN. */
export const connect = (url: string, token?: string): X3dClient => clientOf(connectTo(url, token));

/** The service that `serve` or `run` keeps in a home on this machine. Throws X3dError environment where there is none. */
export const connectToHome = async (folder?: string): Promise<X3dClient> =>
  clientOf(await serviceOf(homeAt(folder)));
