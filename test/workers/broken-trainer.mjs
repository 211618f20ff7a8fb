// A trainer with a fault that nobody foresaw in the networks that are deeper than the base, for as long as there is a file
// `broken` beside the videos' folder. Else it does what the scripted trainer does.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

process.once('message', async (order) => {
  const { data, factors } = order.request;
  const isBroken = factors.depth > 1 && existsSync(join(dirname(data.path), 'broken'));
  if (isBroken)
    return process.send(
      { kind: 'failure', failure: { kind: 'internal', retry: 'here', reason: 'Error: nobody foresaw this' } },
      () => process.exit(0),
    );
  await import('./scripted-trainer.mjs');
  process.emit('message', order);
});
