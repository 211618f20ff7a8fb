/** Probes and decodes the files that its arguments name, and says for each how that went. */
import { decodeFrames } from '../../dist/data/decoding.js';
import { probe } from '../../dist/data/probing.js';

for (const path of process.argv.slice(2)) {
  const started = performance.now();
  const probed = probe({ path });
  if (probed.kind === 'video') {
    try {
      decodeFrames(
        path,
        { width: 20, height: 15 },
        probed.frames - 1,
        () => true,
        () => {},
      );
    } catch (error) {
      if (error.name !== 'DecodingError') throw error;
    }
  }
  const { kind, reason } = probed;
  const megabytes = process.resourceUsage().maxRSS / 1024;
  const milliseconds = performance.now() - started;
  process.stdout.write(`${JSON.stringify({ path, kind, reason, milliseconds, megabytes })}\n`);
}
