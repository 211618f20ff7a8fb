/** To pause a search, to go on with it, to end it. */
import { useRef, useState } from 'preact/hooks';
import type { SearchView } from '../../src/api/routes/searches.js';
import { post, reasonOf } from '../service/ask.js';
import { Trouble } from './words.js';

interface SteeringProps {
  readonly search: Pick<SearchView, 'id' | 'status' | 'configuration'>;
  readonly onDone: () => void;
}

export function Steering({ search: { id, status, configuration }, onDone }: SteeringProps) {
  const [trouble, setTrouble] = useState<string>();
  const [busy, setBusy] = useState(false);
  const question = useRef<HTMLDialogElement>(null);
  const name = configuration.name ?? id;
  const act = async (verb: 'pause' | 'resume' | 'cancel') => {
    setBusy(true);
    setTrouble(undefined);
    try {
      await post(`/searches/${encodeURIComponent(id)}/${verb}`);
      onDone();
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
  if (status !== 'running' && status !== 'paused') return null;
  return (
    <div class="steering">
      {status === 'running' ? button('pause', 'Pause') : button('resume', 'Resume')}
      <button type="button" class="quiet" disabled={busy} onClick={() => question.current?.showModal()}>
        Cancel<span class="unseen"> {name}</span>
      </button>
      <dialog ref={question} aria-label={`Cancel ${name}?`}>
        <p>
          Cancel <b>{name}</b>? Its trainings end, and it can’t be resumed. What it found so far stays.
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
              void act('cancel');
            }}
          >
            Cancel the search
          </button>
        </div>
      </dialog>
      <Trouble>{trouble}</Trouble>
    </div>
  );
}
