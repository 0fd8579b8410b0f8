/**
 * The one dialog of the page, and the form for every deliberate act in it: what will happen, why it is done, and for what cannot be
 * taken back a second step that no slip of a finger or a key makes.
 */
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Answer } from '../http/client.ts';
import { isStale, refresh } from '../live/now-store.ts';
import { filters, setFilters } from '../route.ts';
import { HoldButton } from './hold-button.tsx';
import { notify } from './notices.tsx';
import { problemWords } from './problem.tsx';

interface Shown {
  /** Each is an element of its own: the end of one must not end the next. */
  id: number;
  title: string;
  body: () => ComponentChildren;
  wide: boolean;
  /** Stands in the URL as `?show=` for as long as it is open. */
  show?: string;
}

const shown = signal<Shown | undefined>(undefined);
let lastId = 0;
let element: HTMLDialogElement | undefined;

export function openDialog(title: string, body: () => ComponentChildren, wide = false): void {
  open({ title, body, wide });
}

/** One that only tells something: whoever gets its URL sees the same. The view behind it opens it by `useShown`. */
export function openView(show: string, title: string, body: () => ComponentChildren): void {
  open({ title, body, wide: true, show });
  setFilters({ show });
}

function open(dialog: Omit<Shown, 'id'>): void {
  lastId += 1;
  shown.value = { ...dialog, id: lastId };
}

/** Calls `openNamed` with what `?show=` names. */
export function useShown(openNamed: (show: string) => void): void {
  const show = filters.value.get('show');
  useEffect(() => {
    if (show !== null && !isDialogOpen()) openNamed(show);
  }, [show]);
}

export function closeDialog(): void {
  // By this the browser gives the focus back; an element that only vanishes takes it along.
  element?.close();
  element = undefined;
  const isNamed = shown.peek()?.show !== undefined;
  shown.value = undefined;
  if (isNamed) setFilters({ show: undefined });
}

export function isDialogOpen(): boolean {
  return shown.peek() !== undefined;
}

/** Keeps the keyboard inside and gives the focus back, as the browser does for a modal dialog. */
export function DialogHost() {
  const place = useRef<HTMLDialogElement>(null);
  const current = shown.value;
  useEffect(() => {
    if (current === undefined || place.current?.open !== false) return;
    element = place.current;
    element.showModal();
    // Not the cross: Enter would close what was just opened.
    element.querySelector<HTMLElement>('form input, form button')?.focus();
  }, [current]);
  if (current === undefined) return null;
  const end = (): void => {
    if (shown.peek() === current) closeDialog();
  };
  return (
    <dialog
      key={current.id}
      ref={place}
      class={current.wide ? 'wide' : ''}
      aria-labelledby="dialog-title"
      onCancel={end}
      onClose={end}
      onClick={(event) => {
        if (event.target === event.currentTarget) end();
      }}
    >
      <div class="dialog-body">
        <header>
          <h2 id="dialog-title">{current.title}</h2>
          <button type="button" class="quiet" aria-label="Close" onClick={end}>
            ×
          </button>
        </header>
        {current.body()}
      </div>
    </dialog>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export interface ActProps<T> {
  /** What will happen, above the form. */
  children?: ComponentChildren;
  /** `none`: not asked. */
  reason: 'needed' | 'optional' | 'none';
  /** What usually stands as the reason; only a suggestion, to be sent as it is. */
  usualReason?: string;
  /** How long it shall hold. The first is chosen. */
  spans?: readonly Choice[];
  confirm: string;
  danger?: boolean;
  /** A second step: hold the button, or type this word. */
  typeWord?: string;
  run: (given: { reason: string; span: string }) => Promise<Answer<T>>;
  /** Told when it was done. */
  done: string | ((value: T) => string);
}

/** The form of one act. It stays open with what went wrong when the daemon refused. */
export function Act<T>(props: ActProps<T>) {
  const { reason: need, spans = [], typeWord, usualReason = '' } = props;
  const [reason, setReason] = useState(usualReason);
  const [length, setLength] = useState(spans[0]?.value ?? '');
  const [typed, setTyped] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState('');
  const isHere = useRef(true);
  useEffect(
    () => () => {
      isHere.current = false;
    },
    [],
  );
  const isSaid = need !== 'needed' || reason.trim() !== '';
  const isTyped = typeWord !== undefined && typed.trim() === typeWord;

  const run = async (): Promise<void> => {
    if (isBusy || !isSaid) return;
    setBusy(true);
    setRefusal('');
    const answer = await props.run({ reason: reason.trim(), span: length });
    setBusy(false);
    refresh();
    if (!answer.ok) {
      const words = problemWords(answer.problem);
      if (isHere.current) setRefusal(words);
      else notify(`${props.confirm}: ${words}`, 'warn');
      return;
    }
    // Whoever closed it meanwhile may have another one open.
    if (isHere.current) closeDialog();
    notify(typeof props.done === 'string' ? props.done : props.done(answer.value), 'ok');
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (typeWord === undefined || isTyped) void run();
      }}
    >
      {isStale.value ? (
        <p class="note edge-bad">
          <b>◌ What you see is stale.</b> mendd judges by what is so now.
        </p>
      ) : undefined}
      {props.children}
      {spans.length > 0 ? <Spans spans={spans} chosen={length} choose={setLength} /> : undefined}
      {need === 'none' ? undefined : (
        <label class="field">
          Why{need === 'optional' ? ' (may be left out)' : ''}
          <input
            value={reason}
            maxLength={500}
            autoComplete="off"
            required={need === 'needed'}
            onInput={({ currentTarget }) => setReason(currentTarget.value)}
          />
        </label>
      )}
      {typeWord === undefined ? undefined : (
        <label class="field">
          <span>
            Hold the button, or type <code>{typeWord}</code>
          </span>
          <input
            value={typed}
            autoComplete="off"
            autoCapitalize="off"
            spellcheck={false}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
      )}
      <p class="refusal" role="alert">
        {refusal}
      </p>
      <footer>
        <button type="button" onClick={closeDialog}>
          Cancel
        </button>
        {typeWord === undefined || isTyped ? (
          <button
            type="submit"
            class={props.danger === true ? 'danger' : 'primary'}
            disabled={isBusy || !isSaid}
          >
            {isBusy ? 'Asking…' : props.confirm}
          </button>
        ) : (
          <HoldButton
            label={isBusy ? 'Asking…' : props.confirm}
            disabled={isBusy || !isSaid}
            onHeld={() => void run()}
          />
        )}
      </footer>
    </form>
  );
}

function Spans(props: { spans: readonly Choice[]; chosen: string; choose: (value: string) => void }) {
  return (
    <fieldset class="spans">
      <legend>For how long</legend>
      {props.spans.map(({ value, label }) => (
        <label key={value}>
          <input
            type="radio"
            name="span"
            value={value}
            checked={props.chosen === value}
            onChange={() => props.choose(value)}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
