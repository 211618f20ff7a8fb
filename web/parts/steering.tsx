/** To pause a search, to go on with it, to end it, to delete it. */
import { useRef, useState } from 'preact/hooks';
import type { SearchView } from '../../src/api/search-view.js';
import { post, reasonOf, respond } from '../service/ask.js';
import { Trouble } from './words.js';

interface SteeringProps {
  readonly search: Pick<SearchView, 'id' | 'status' | 'configuration'>;
  readonly onDone: (deleted: boolean) => void;
}

export function Steering({ search: { id, status, configuration }, onDone }: SteeringProps) {
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const question = useRef<HTMLDialogElement>(null);
  const name = configuration.name ?? id;
  const act = async (verb: 'pause' | 'resume' | 'cancel' | 'delete') => {
    setBusy(true);
    setTrouble(undefined);
    try {
      const path = `/searches/${encodeURIComponent(id)}`;
      if (verb === 'delete') await respond(path, { method: 'DELETE' });
      else await post(`${path}/${verb}`);
      onDone(verb === 'delete');
    } catch (error) {
      setTrouble(reasonOf(error));
    }
    setBusy(false);
  };
  const button = (verb: 'pause' | 'resume', text: string) => (
    <button type="button" class="quiet" disabled={busy} onClick={() => act(verb)}>
      {text}
      <span class="unseen"> {name}</span>
    </button>
  );
  const open = status === 'running' || status === 'paused';
  const ending = open
    ? {
        verb: 'cancel' as const,
        text: 'Cancel',
        sure: 'Cancel the search',
        what: 'Its trainings end, and it can’t be resumed. What it found so far stays.',
      }
    : {
        verb: 'delete' as const,
        text: 'Delete',
        sure: 'Delete the search',
        what: 'Its log, its folder with the network found, and the trainings that no other search has are removed.',
      };
  return (
    <div class="steering">
      {status === 'running' && button('pause', 'Pause')}
      {status === 'paused' && button('resume', 'Resume')}
      <button type="button" class="quiet" disabled={busy} onClick={() => question.current?.showModal()}>
        {ending.text}
        <span class="unseen"> {name}</span>
      </button>
      <dialog ref={question} aria-label={`${ending.text} ${name}?`}>
        <p>
          {ending.text} <b>{name}</b>? {ending.what}
        </p>
        <div class="steering">
          <button type="button" onClick={() => question.current?.close()}>
            Keep it
          </button>
          <button
            type="button"
            class="danger"
            onClick={() => {
              question.current?.close();
              void act(ending.verb);
            }}
          >
            {ending.sure}
          </button>
        </div>
      </dialog>
      <Trouble>{trouble}</Trouble>
    </div>
  );
}
