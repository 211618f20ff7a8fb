import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Whether set-up has put the binding to TensorFlow's C library in its place; loading it is another matter. */
export function bindingInstalled(): boolean {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'));
  return existsSync(join(folder, 'lib/napi-v8/tfjs_binding.node'));
}
