/** The network found, tried on a video of one's own. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Prediction } from '../../src/api/routes/predictions.js';
import type { SearchView } from '../../src/api/search-view.js';
import { percent } from '../../src/cli/figures.js';
import { mayMove, Trouble, useTitle } from '../parts/words.js';
import { to } from '../routes.js';
import { reasonOf, respond } from '../service/ask.js';
import { usePolled } from '../service/live.js';

/** As the service takes it. */
const MOST_BYTES = 200 * 1024 * 1024;

interface Tried {
  readonly name: string;
  /** Of the video, as the browser plays it. */
  readonly url: string;
  readonly prediction?: Prediction;
}

export function Try({ search }: { readonly search: string }) {
  useTitle('Try it');
  const { answer: view } = usePolled<SearchView>(`/searches/${encodeURIComponent(search)}`, 0);
  const [tried, setTried] = useState<Tried>();
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const [unplayable, setUnplayable] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const asked = useRef<AbortController>(undefined);
  useEffect(() => () => asked.current?.abort(), []);
  useEffect(() => () => (tried ? URL.revokeObjectURL(tried.url) : undefined), [tried?.url]);

  const look = async (file: File | undefined) => {
    if (!file) return;
    asked.current?.abort();
    const own = new AbortController();
    asked.current = own;
    setTrouble(undefined);
    setUnplayable(false);
    const shown = { name: file.name, url: URL.createObjectURL(file) };
    setTried(shown);
    if (file.size > MOST_BYTES) {
      setTrouble(
        `A video of at most ${MOST_BYTES / 1024 / 1024} MB is taken; this one has ${Math.ceil(file.size / 1024 / 1024)}.`,
      );
      return;
    }
    setBusy(true);
    try {
      const response = await respond(`/searches/${encodeURIComponent(search)}/predictions`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: file,
        signal: own.signal,
      });
      setTried({ ...shown, prediction: (await response.json()) as Prediction });
    } catch (error) {
      if (own.signal.aborted) return;
      setTrouble(reasonOf(error));
    }
    setBusy(false);
  };

  return (
    <>
      <p class="path">
        <a href={to.searches}>Searches</a> /{' '}
        <a href={to.search(search)}>{view?.configuration.name ?? search}</a>
      </p>
      <h1>Try it on a video</h1>
      <label
        class={over ? 'drop over-it' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void look(event.dataTransfer?.files[0]);
        }}
      >
        <span>Drop a video here, or choose one. It is sent to this service only, and not kept.</span>
        <input
          type="file"
          accept="video/*,.avi,.mkv"
          aria-label="Video"
          onChange={(event) => look(event.currentTarget.files?.[0])}
        />
      </label>
      <Trouble>{trouble}</Trouble>
      <p role="status">{busy && 'The network is looking at it …'}</p>
      {tried && (
        <div class="side-by-side">
          <figure>
            <video
              src={tried.url}
              hidden={unplayable}
              controls
              loop
              muted
              autoplay={mayMove()}
              playsInline
              aria-label={tried.name}
              onError={() => setUnplayable(true)}
            />
            <figcaption>
              {tried.name}
              {unplayable && ', which this browser can’t play'}
              {unplayable && tried.prediction && '; the network can'}
            </figcaption>
          </figure>
          {tried.prediction && <Scores prediction={tried.prediction} />}
        </div>
      )}
    </>
  );
}

function Scores({ prediction: { top, seconds } }: { readonly prediction: Prediction }) {
  const [first] = top;
  return (
    <section aria-live="polite">
      <h2>{first?.class}</h2>
      <p class="hint">
        {percent(first?.score ?? 0)}, of {seconds.toFixed(1)} s of video
      </p>
      <table class="scores">
        <thead>
          <tr>
            <th scope="col">Class</th>
            <th scope="col">Score</th>
          </tr>
        </thead>
        <tbody>
          {top.map(({ class: name, score }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="figure">
                <progress value={score} max={1} aria-label={`score of ${name}`} /> {percent(score)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
