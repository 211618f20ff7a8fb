import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Whether set-up has put the binding to TensorFlow's C library in its place, and the library is where the binding looks
 * for it; loading it is another matter.
 */
export function bindingInstalled(): boolean {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json'));
  const binding = join(folder, 'lib/napi-v8/tfjs_binding.node');
  if (!existsSync(binding) || !existsSync(`${binding}.libraries`)) return false;
  return existsSync(join(readFileSync(`${binding}.libraries`, 'utf8'), 'libtensorflow_cc.so.2'));
}
