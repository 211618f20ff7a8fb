/** TensorFlow as it is installed: which build, whether our kernels are in it, whether its gradients are right. */
import { fileURLToPath } from 'node:url';
import { cards } from '../machine.js';
import { ended } from './commands.js';
import type { Finding } from './finding.js';
import type { Probe } from './probe.js';

const SET_UP = 'Run `x3d-search setup`.';

function engine(probe: Probe): Finding {
  if (probe.missing !== undefined) {
    return {
      name: 'tensorflow',
      state: 'missing',
      found: `not in use: ${probe.missing} Training would run on tfjs's own CPU backend, very slowly.`,
      remedy: `${SET_UP} It says what it lacks.`,
      details: probe,
    };
  }
  const build = probe.library?.includes('/tensorflow-cuda-') ? 'cuda' : 'cpu';
  const device = build === 'cpu' ? '' : probe.usesGpu ? ', uses the GPU' : ', finds no GPU it can use';
  const finding = {
    name: 'tensorflow',
    found: `${probe.version} for ${build}${device}, ${probe.library}`,
    details: { version: probe.version, build, usesGpu: probe.usesGpu, library: probe.library },
  };
  if (build === 'cuda' && !probe.usesGpu)
    return {
      ...finding,
      state: 'missing',
      remedy: 'Does `nvidia-smi` list a card? For trainings on the CPU: `x3d-search setup --cpu`.',
    };
  if (build === 'cpu' && cards().length > 0)
    return { ...finding, state: 'ok', found: `${finding.found}; for the card: \`x3d-search setup --cuda\`` };
  return { ...finding, state: 'ok' };
}

function kernels({ kernels }: Probe): Finding {
  return kernels
    ? { name: 'kernels', state: 'ok', found: 'in the binding' }
    : { name: 'kernels', state: 'missing', found: 'not in the binding', remedy: SET_UP };
}

function gradients({ gradients }: Probe): Finding {
  const wrong = gradients.filter(({ ok }) => !ok);
  const worst = Math.max(0, ...gradients.map(({ error }) => error));
  if (wrong.length === 0) {
    return {
      name: 'gradients',
      state: 'ok',
      found: `${gradients.length} of ${gradients.length} as they should be, within ${worst.toExponential(1)}`,
      details: gradients,
    };
  }
  return {
    name: 'gradients',
    state: 'missing',
    found: `wrong: ${wrong.map(({ name, error }) => `${name} by ${error.toExponential(1)}`).join(', ')}`,
    remedy:
      'Trainings would learn wrong things: remove the cache that set-up names and run `x3d-search setup`.',
    details: gradients,
  };
}

export async function tensorFlow(): Promise<readonly Finding[]> {
  const path = fileURLToPath(new URL('./probe.js', import.meta.url));
  const { code, stdout, stderr } = await ended(process.execPath, [path], {
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  });
  if (code !== 0) {
    const last = stderr.trim().split('\n').at(-1) ?? '';
    return [
      {
        name: 'tensorflow',
        state: 'missing',
        found: `a process that loaded it ended with ${code}: ${last}`,
        remedy: `${SET_UP} If it stays, remove the cache that set-up names first.`,
      },
    ];
  }
  const probe = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Probe;
  if (probe.missing !== undefined) return [engine(probe)];
  return [engine(probe), kernels(probe), gradients(probe)];
}
