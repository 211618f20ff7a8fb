// A training in a process of its own, to be killed: the request comes as JSON; a checkpoint is written at every point.
import { train } from '../../dist/training/train.js';

const request = JSON.parse(process.argv[2]);
const result = await train(request, {
  checkpointSeconds: 0,
  onProgress: ({ phase, done }) => phase === 'training' && console.log(done),
});
console.log(JSON.stringify(result));
process.exit(0);
