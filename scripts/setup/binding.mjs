/** The library through which Node calls TensorFlow: tfjs-node's binding and this project's kernels, compiled here. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { cardSource, header } from './header.mjs';
import { examine, seal } from './sealed.mjs';
import { again, megabytes, NoTensorFlow, Problem, packageFolder, ROOT, run, say, work } from './steps.mjs';
import { COMPILER, need } from './system.mjs';
import { CACHE, librariesOf, VERSION } from './tensorflow.mjs';

/** Looked for when they are needed: set-up may have installed them a moment ago. */
const tfjs = () => packageFolder('@tensorflow/tfjs-node-gpu') ?? '';
const headers = () => packageFolder('node-api-headers') ?? '';
const NAME = 'tfjs_binding.node';
const installed = () => join(tfjs(), 'lib/napi-v8', NAME);
/** Beside it: the folder of the libraries that it loads, and the binding whose gradients have been tried. */
const libraries = () => `${installed()}.libraries`;
const tried = () => `${installed()}.tried`;

/** Images are built on one machine and run on others, so that `native` is not always right. */
const MACHINE = process.env.X3D_MARCH || 'native';

const FLAGS = [
  ...[
    '-std=c++17',
    '-O3',
    `-march=${MACHINE}`,
    '-fopenmp',
    '-ffp-contract=fast',
    '-fPIC',
    '-DNAPI_VERSION=8',
  ],
];

const sourcesIn = (folder, extensions) =>
  readdirSync(folder)
    .filter((name) => extensions.some((extension) => name.endsWith(extension)))
    .sort()
    .map((name) => join(folder, name));

/** What -march=native makes of this machine. */
function instructions() {
  if (MACHINE !== 'native') return MACHINE;
  return /^(?:flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? '';
}

/** What a build is compiled of: folders of sources, and those that the card's kernels have beside. */
const CARD = join(ROOT, 'native/card');
const CARD_SOURCES = ['kernels.cc', 'cuda.cc', 'stream.cc'];
const foldersOf = (build) => [
  join(tfjs(), 'binding'),
  join(ROOT, 'native'),
  ...(build === 'cuda' ? [CARD] : []),
];

/** Everything that the compiled library depends on, as one short name. */
async function fingerprint(build) {
  const hash = createHash('sha256').update(
    JSON.stringify([FLAGS, build, VERSION, librariesOf(build), instructions()]),
  );
  hash.update(readFileSync(join(headers(), 'package.json'))).update(await header());
  for (const folder of foldersOf(build)) {
    for (const path of sourcesIn(folder, ['.cc', '.cu', '.h']))
      hash.update(basename(path)).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}

async function compile(build, folder) {
  const libraries = librariesOf(build);
  const includes = [
    `-I${headers()}/include`,
    `-I${libraries}/include`,
    `-I${tfjs()}`,
    `-I${folder}`,
    '-Inative',
  ];
  writeFileSync(join(folder, 'operations.h'), await header());
  if (build === 'cuda') writeFileSync(join(folder, 'source.h'), cardSource());
  const sources = foldersOf(build).flatMap((from) =>
    from === CARD ? CARD_SOURCES.map((name) => join(CARD, name)) : sourcesIn(from, ['.cc']),
  );
  const objects = sources.map((path) => join(folder, `${basename(path, '.cc')}.o`));
  const remedy = 'Compilers from GCC 10 on are known to do; see what it says above.';
  let next = 0;
  const compiler = async () => {
    while (next < sources.length) {
      const i = next++;
      await run('g++', [...FLAGS, ...includes, '-c', sources[i], '-o', objects[i]], { remedy });
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compiler));
  const linked = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'].map((name) =>
    join(libraries, name),
  );
  const output = join(folder, NAME);
  await run('g++', ['-shared', '-fopenmp', ...objects, ...linked, `-Wl,-rpath,${libraries}`, '-o', output], {
    remedy,
  });
  for (const object of objects) rmSync(object);
}

/** Loads the installed binding in a process of its own, which it may crash, and lets it multiply. */
async function check() {
  const said = await run(process.execPath, [join(ROOT, 'scripts/setup/multiply.cjs')], {
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' },
    remedy: `Remove ${CACHE} and run ${again()} again; if it stays, run ${again('--without-tensorflow')}.`,
  });
  const { version, product } = JSON.parse(said);
  if (version !== VERSION || product !== 11) {
    throw new Problem(
      `the binding runs TensorFlow ${version} and says that 1 * 3 + 2 * 4 is ${product}`,
      `Remove ${CACHE} and run ${again()} again.`,
    );
  }
}

export function removeBinding() {
  for (const path of [installed(), libraries(), tried()]) rmSync(path, { force: true });
}

export const wasTried = (name) => existsSync(tried()) && readFileSync(tried(), 'utf8') === name;
export const markTried = (name) => writeFileSync(tried(), name);

/** Makes sure of the binding on a build. Gives back its name. */
export async function binding(build) {
  const folder = join(CACHE, 'bindings', await fingerprint(build));
  const made = join(folder, NAME);
  const found = await examine(folder);
  if (found.whole && existsSync(installed()) && readFileSync(installed()).equals(readFileSync(made))) {
    say('binding', `${basename(folder)} for ${build}, ${megabytes(found.bytes)}`);
    writeFileSync(libraries(), librariesOf(build));
    return basename(folder);
  }
  if (!found.whole) {
    await need([COMPILER], "to compile TensorFlow's binding", { Kind: NoTensorFlow });
    await work('binding', `compiling tfjs-node's binding and the kernels in native/`, async () => {
      await seal(folder, (temporary) => compile(build, temporary));
      return `${basename(folder)} for ${build}, ${megabytes(statSync(made).size)}`;
    });
  }
  await work('binding', 'loading it', async () => {
    mkdirSync(dirname(installed()), { recursive: true });
    const temporary = `${installed()}.${process.pid}`;
    copyFileSync(made, temporary);
    renameSync(temporary, installed());
    writeFileSync(libraries(), librariesOf(build));
    try {
      await check();
    } catch (error) {
      removeBinding();
      throw error;
    }
    return `TensorFlow ${VERSION} multiplies`;
  });
  return basename(folder);
}
