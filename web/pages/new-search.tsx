/** A form that begins a search. What is wrong with it the service says, field by field. */
import { useRef, useState } from 'preact/hooks';
import type { SearchView } from '../../src/api/search-view.js';
import type { SearchInput } from '../../src/search/configuration.js';
import type { Plan } from '../../src/search/planning/plan.js';
import { Choice, Field, FileField, saidOf, type Wrong } from '../parts/fields.js';
import { PlanShown } from '../parts/plan.js';
import { Trouble, useTitle } from '../parts/words.js';
import { to } from '../routes.js';
import { post, Refused, reasonOf } from '../service/ask.js';

/** The table of latencies in a file; undefined where none was chosen. Throws SyntaxError for what is no JSON. */
async function tableIn(file: FormDataEntryValue | null): Promise<SearchInput['deviceTable']> {
  return file instanceof File && file.name !== '' ? JSON.parse(await file.text()) : undefined;
}

/** Fields of the body by their names in the form; absent where they are left empty. */
function inputFrom(form: FormData, deviceTable: SearchInput['deviceTable']): SearchInput {
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const some = <Value,>(name: string, read: (text: string) => Value) => {
    const given = text(name);
    return given === '' ? {} : { [name.split('.').at(-1) ?? name]: read(given) };
  };
  const asIs = (given: string) => given;
  const recipe = { ...some('recipe.steps', Number), ...some('recipe.learningRate', Number) };
  return {
    ...some('name', asIs),
    data: {
      path: text('data.path'),
      ...some('data.group', asIs),
      ...(form.get('data.flip') === null ? { flip: false } : {}),
    },
    target: text('target'),
    ...some('method', asIs),
    ...some('base', asIs),
    ...some('complexity', asIs),
    ...(deviceTable === undefined ? {} : { deviceTable }),
    ...some('criterion', asIs),
    ...some('seed', Number),
    ...some('budget', asIs),
    ...(Object.keys(recipe).length > 0 ? { recipe } : {}),
  } as SearchInput;
}

/** After which a speed that is being measured is asked for again. */
const MEASURING_SECONDS = 10;

const pause = (seconds: number) => new Promise((done) => setTimeout(done, 1000 * seconds));

/** The mismatches of a problem by field. */
const wrongIn = ({ problem }: Refused): Wrong =>
  new Map(
    (problem.errors ?? []).map(({ field, expected, got }) => [
      field,
      `Expected ${expected}${got === undefined ? '' : `, got ${got}`}.`,
    ]),
  );

export function NewSearch() {
  useTitle('New search');
  const form = useRef<HTMLFormElement>(null);
  const [wrong, setWrong] = useState<Wrong>(new Map());
  const [trouble, setTrouble] = useState<string>();
  /** What goes on while it is begun. */
  const [busy, setBusy] = useState<string>();

  const [plan, setPlan] = useState<Plan>();

  /** Shows what is wrong beside its fields, and goes to the first of them; what no field shows is said above the button. */
  const refuse = (found: Wrong, reason: string) => {
    setWrong(found);
    setTrouble(reason);
    const field = [...(form.current?.elements ?? [])].find(({ id }) => saidOf(found, id) !== undefined);
    if (!(field instanceof HTMLElement)) return;
    field.closest('details')?.setAttribute('open', '');
    field.focus();
  };

  /** Asks with what the form says, for as long as the videos are looked at; undefined where it is refused. */
  const ask = async <Answer,>(path: string): Promise<Answer | undefined> => {
    if (!form.current) return undefined;
    const given = new FormData(form.current);
    let table: SearchInput['deviceTable'];
    try {
      table = await tableIn(given.get('deviceTable'));
    } catch (error) {
      refuse(
        new Map([['deviceTable', `Expected a table as JSON: ${reasonOf(error)}.`]]),
        'The device table can’t be read.',
      );
      return undefined;
    }
    const input = inputFrom(given, table);
    // However often it is sent, one search is begun.
    const key = crypto.getRandomValues(new Uint32Array(4)).join('-');
    setWrong(new Map());
    setTrouble(undefined);
    setBusy('Looking at the videos …');
    for (;;) {
      try {
        const answer = await post<Answer>(path, input, { 'idempotency-key': key });
        setBusy(undefined);
        return answer;
      } catch (error) {
        if (error instanceof Refused && error.problem.type.endsWith(':not-ready')) {
          const [reading] = error.problem.errors ?? [];
          setBusy(`Looking at the videos: ${reading?.got ?? ''}. This goes on by itself.`);
          await pause(error.retryAfter ?? 5);
          continue;
        }
        setBusy(undefined);
        refuse(error instanceof Refused ? wrongIn(error) : new Map(), reasonOf(error));
        return undefined;
      }
    }
  };
  const start = async () => {
    const search = await ask<SearchView>('/searches');
    if (search) location.hash = to.search(search.id);
  };
  const check = async () => {
    if (!form.current?.reportValidity()) return;
    for (;;) {
      const found = await ask<Plan>('/searches/plan');
      setPlan(found);
      if (!found?.estimate?.measuring || !form.current) return;
      await pause(MEASURING_SECONDS);
      if (!form.current) return;
    }
  };

  return (
    <form
      ref={form}
      class="narrow"
      aria-busy={busy !== undefined}
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <h1>New search</h1>
      <Field
        name="data.path"
        title="Videos"
        hint="A folder on the service’s machine that holds a folder of videos for each class, or train, val and test folders of these, or lists."
        placeholder="/home/me/videos/gestures"
        required
        wrong={wrong}
      />
      <Field
        name="target"
        title="Target"
        hint="How large the network may be: multiply-adds for one clip, such as 6M, 600M or 1.5G; or its latency on a device, such as 20ms, with the device’s table."
        placeholder="6M"
        required
        wrong={wrong}
      />
      <Field name="name" title="Name" hint="For people to read; may be left empty." wrong={wrong} />
      <Field
        name="data.group"
        title="Groups"
        hint="A regular expression whose first group says what belongs together, such as one person’s videos: these are never divided between training and test."
        placeholder="([^/_]+)_[^/]*$"
        wrong={wrong}
      />
      <label class="tick">
        <input type="checkbox" name="data.flip" defaultChecked /> Clips may be mirrored in training
        <small>Untick this if one class is the mirror image of another.</small>
      </label>
      <details>
        <summary>More choices</summary>
        <Choice
          name="method"
          title="Method"
          hint="How networks are proposed and chosen."
          options={[
            ['race', 'race: short trainings, repeated where it is close'],
            ['paper', 'paper: the published search'],
            ['compound', 'compound: all axes together'],
            ['random', 'random: networks drawn at random'],
          ]}
          wrong={wrong}
        />
        <Choice
          name="base"
          title="Base"
          hint="What the search starts from."
          options={[
            ['x2d-micro', 'x2d-micro: for CPUs and small sets'],
            ['x2d', 'x2d: as published'],
          ]}
          wrong={wrong}
        />
        <FileField
          name="deviceTable"
          title="Device table"
          hint={
            <>
              For a target in milliseconds: the file that <code>x3d-search benchmark --table FILE</code> wrote
              on the device.
            </>
          }
          wrong={wrong}
        />
        <Choice
          name="complexity"
          title="What the target counts"
          options={[
            ['', 'multiply-adds, or milliseconds for a target such as 20ms'],
            ['parameters', 'parameters'],
            ['activationBytes', 'bytes of activations'],
          ]}
          wrong={wrong}
        />
        <Field
          name="budget"
          title="Budget"
          hint="What all trainings together may take: multiply-adds, such as 5T, or hours, such as 2h."
          wrong={wrong}
        />
        <Field name="seed" title="Seed" hint="0 if left empty." mode="numeric" wrong={wrong} />
        <Field
          name="recipe.steps"
          title="Steps of a full training"
          hint="If left empty, it follows from the number of videos."
          mode="numeric"
          wrong={wrong}
        />
        <Field
          name="recipe.learningRate"
          title="Learning rate"
          hint="If left empty, several are tried before the first round."
          mode="decimal"
          wrong={wrong}
        />
      </details>
      <Trouble>{trouble}</Trouble>
      <p role="status">{busy}</p>
      {plan && <PlanShown plan={plan} />}
      <div class="steering">
        <button type="button" disabled={busy !== undefined} onClick={() => void check()}>
          Check and estimate
        </button>
        <button type="submit" class="main" disabled={busy !== undefined}>
          Start the search
        </button>
      </div>
    </form>
  );
}
