/** The videos that a training takes for another class, playing. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TrainingResults } from '../../src/api/routes/results.js';
import { percent } from '../../src/cli/figures.js';
import { reasonOf, respond } from '../service/ask.js';
import { mayMove } from './words.js';

type Mistake = NonNullable<TrainingResults['mistakes']>[number];

/** Shown at first; the others where they are asked for. */
const FEW = 8;

interface MistakesProps {
  readonly search: string;
  readonly classes: readonly string[];
  readonly mistakes: readonly Mistake[];
}

export function Mistakes({ search, classes, mistakes }: MistakesProps) {
  const [many, setMany] = useState(false);
  if (mistakes.length === 0) return <p class="note">It gets every video right.</p>;
  return (
    <section>
      <h3>
        {mistakes.length} {mistakes.length === 1 ? 'video' : 'videos'} that it gets wrong, the surest mistakes
        first
      </h3>
      <ul class="videos">
        {(many ? mistakes : mistakes.slice(0, FEW)).map((mistake) => (
          <li key={mistake.video}>
            <figure>
              <Playing search={search} video={mistake.video} />
              <figcaption>
                <b>{classes[mistake.predicted]}</b> ({percent(mistake.score)}) instead of{' '}
                <b>{classes[mistake.label]}</b>
                <br />
                <small>{mistake.video}</small>
              </figcaption>
            </figure>
          </li>
        ))}
      </ul>
      {mistakes.length > FEW && !many && (
        <button type="button" onClick={() => setMany(true)}>
          Show all {mistakes.length}
        </button>
      )}
    </section>
  );
}

/** Fetched once it comes into view: a link in the element would go without the token. */
function Playing({ search, video }: { readonly search: string; readonly video: string }) {
  const frame = useRef<HTMLDivElement>(null);
  const [url, setUrl] = useState<string>();
  const [trouble, setTrouble] = useState<string>();
  useEffect(() => {
    const gone = new AbortController();
    let made: string | undefined;
    const fetchIt = async () => {
      try {
        const path = video.split('/').map(encodeURIComponent).join('/');
        const response = await respond(`/searches/${encodeURIComponent(search)}/videos/${path}`, {
          signal: gone.signal,
        });
        made = URL.createObjectURL(await response.blob());
        if (gone.signal.aborted) URL.revokeObjectURL(made);
        else setUrl(made);
      } catch (error) {
        if (!gone.signal.aborted) setTrouble(reasonOf(error));
      }
    };
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return;
      observer.disconnect();
      void fetchIt();
    });
    if (frame.current) observer.observe(frame.current);
    return () => {
      observer.disconnect();
      gone.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [search, video]);
  return (
    <div ref={frame} class="playing">
      {url && <video src={url} controls loop muted autoplay={mayMove()} playsInline aria-label={video} />}
      {!url && <p class="hint">{trouble ?? 'Fetching the video …'}</p>}
    </div>
  );
}
