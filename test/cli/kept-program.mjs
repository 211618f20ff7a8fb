// A program that is kept alive, and does as its argument says: {"does", "starts"} (a file that counts its starts).
import { appendFileSync, readFileSync } from 'node:fs';
import { answerParent } from '../../dist/answering.js';

const { does, starts } = JSON.parse(process.argv[2]);
appendFileSync(starts, '.');
const start = readFileSync(starts, 'utf8').length;
const fail = () => {
  throw new Error(`no room at try ${start}`);
};
const freeze = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
const up = () => process.send({ kind: 'up', url: `http://${start}` });

answerParent();
const DEEDS = {
  stay: up,
  'never come up': fail,
  'fail once it was up': () =>
    start === 1 ? process.send({ kind: 'up' }, () => setTimeout(fail, 50)) : fail(),
  'freeze once': () => (start === 1 ? process.send({ kind: 'up', url: 'http://1' }, freeze) : up()),
};
DEEDS[does]();
