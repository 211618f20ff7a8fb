/** One training of a recording: takes the request as a message, answers with the result. */
import { train } from '../dist/training/train.js';

process.once('message', async (request) => {
  const result = await train(request, { checkpointSeconds: 1e9 });
  process.send(result, () => process.exit(0));
});
