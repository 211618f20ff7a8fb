/** Whether what is shown is what there is. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Connection } from '../service/stream.js';

const RESUMED_MS = 5000;

export function Connected({ connection }: { readonly connection: Connection }) {
  const before = useRef(connection);
  const [resumed, setResumed] = useState(false);
  useEffect(() => {
    const was = before.current;
    before.current = connection;
    if (was !== 'lost' || (connection !== 'live' && connection !== 'over')) return;
    setResumed(true);
    const timer = setTimeout(() => setResumed(false), RESUMED_MS);
    return () => clearTimeout(timer);
  }, [connection]);
  return (
    <div class="connection" role="status">
      {connection === 'lost' && (
        <p class="trouble">
          The connection to the service is lost. What is shown may be out of date. Trying again …
        </p>
      )}
      {resumed && connection !== 'lost' && <p class="note">Connected again; nothing was missed.</p>}
    </div>
  );
}
