/** Fields of a form, each with its title, and a hint or what is wrong with it. */
import type { ComponentChildren } from 'preact';

/** What is wrong, by field. */
export type Wrong = ReadonlyMap<string, string>;

interface FieldProps {
  readonly name: string;
  readonly title: string;
  readonly hint?: ComponentChildren;
  readonly wrong: Wrong;
  readonly required?: boolean;
  readonly placeholder?: string;
  readonly mode?: 'decimal' | 'numeric';
}

/** What is wrong with a field, or with a part of what it holds. */
export const saidOf = (wrong: Wrong, name: string): string | undefined =>
  wrong.get(name) ?? [...wrong].find(([field]) => field.startsWith(`${name}.`))?.[1];

interface AskedProps extends Pick<FieldProps, 'name' | 'title'> {
  readonly hint: ComponentChildren;
  readonly said: string | undefined;
  readonly children: ComponentChildren;
}

/** What is asked for, with a hint, or what is wrong with it. */
const Asked = ({ name, title, hint, said, children }: AskedProps) => (
  <div class="field">
    <label for={name}>{title}</label>
    {children}
    <p class={said === undefined ? 'hint' : 'wrong'} id={`${name}-hint`}>
      {said ?? hint}
    </p>
  </div>
);

/** What ties a control to its title and to what is said below it. */
const controlOf = (name: string, said: string | undefined) => ({
  id: name,
  name,
  'aria-invalid': said !== undefined,
  'aria-describedby': `${name}-hint`,
});

export function Field({ name, title, hint, wrong, required = false, placeholder, mode }: FieldProps) {
  const said = saidOf(wrong, name);
  return (
    <Asked name={name} title={title} hint={hint} said={said}>
      <input
        {...controlOf(name, said)}
        required={required}
        placeholder={placeholder}
        inputMode={mode}
        autocomplete="off"
        spellcheck={false}
      />
    </Asked>
  );
}

export function FileField({
  name,
  title,
  hint,
  wrong,
}: Pick<FieldProps, 'name' | 'title' | 'hint' | 'wrong'>) {
  const said = saidOf(wrong, name);
  return (
    <Asked name={name} title={title} hint={hint} said={said}>
      <input {...controlOf(name, said)} type="file" accept=".json" />
    </Asked>
  );
}

interface ChoiceProps extends Pick<FieldProps, 'name' | 'title' | 'hint' | 'wrong'> {
  /** Value and title; the first is the default. */
  readonly options: readonly (readonly [string, string])[];
}

export function Choice({ name, title, hint, wrong, options }: ChoiceProps) {
  const said = wrong.get(name);
  return (
    <Asked name={name} title={title} hint={hint} said={said}>
      <select {...controlOf(name, said)}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Asked>
  );
}
