/** A button that has to be held, by pointer or by key: a second thought for what cannot be taken back. */
import { useEffect, useRef, useState } from 'preact/hooks';

const holdMs = 1_000;

interface HoldProps {
  label: string;
  disabled: boolean;
  onHeld: () => void;
}

export function HoldButton({ label, disabled, onHeld }: HoldProps) {
  const [isHeld, setHeld] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const release = (): void => {
    clearTimeout(timer.current);
    timer.current = undefined;
    setHeld(false);
  };
  const press = (): void => {
    if (disabled || timer.current !== undefined) return;
    setHeld(true);
    timer.current = setTimeout(() => {
      release();
      onHeld();
    }, holdMs);
  };
  useEffect(() => release, []);
  return (
    <button
      type="button"
      class={`danger hold ${isHeld ? 'held' : ''}`}
      disabled={disabled}
      onPointerDown={press}
      onPointerUp={release}
      onPointerLeave={release}
      onContextMenu={(event) => event.preventDefault()}
      onBlur={release}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        if (!event.repeat) press();
      }}
      onKeyUp={release}
    >
      {isHeld ? 'Keep holding…' : `Hold: ${label}`}
    </button>
  );
}
