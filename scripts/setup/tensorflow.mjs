/** TensorFlow's C library, out of its Python wheel, in a cache of the user that every checkout shares. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { arch, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { examine, seal } from './sealed.mjs';
import { again, answer, megabytes, NoTensorFlow, Problem, ROOT, run, say, work } from './steps.mjs';
import { COMPILER, need, PIP, STRIP } from './system.mjs';

export const VERSION = '2.21.0';

const xdgCache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
export const CACHE = resolve(process.env.X3D_CACHE || join(xdgCache, 'x3d-search'));

const CUDA_WHEELS = { x64: { name: 'tensorflow', architecture: 'x86_64' } };

/** By Node's name of the architecture: the package, and Python's name. Sizes are bytes, while unpacking for `disk`. */
const BUILDS = {
  cpu: {
    wheels: {
      x64: { name: 'tensorflow-cpu', architecture: 'x86_64' },
      arm64: { name: 'tensorflow', architecture: 'aarch64' },
    },
    download: 280e6,
    disk: 1.7e9,
  },
  cuda: { wheels: CUDA_WHEELS, download: 4e9, disk: 14e9 },
  // CUDA's without NVIDIA's libraries: it loads and registers operations, and runs none on a card.
  'cuda-alone': { wheels: CUDA_WHEELS, download: 640e6, disk: 5e9 },
};

/** The libraries, the headers that the binding and the CPU's kernels include, and the licences. */
const MEMBERS = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/THIRD_PARTY_NOTICES.txt',
  'tensorflow/include/LICENSE',
  'tensorflow/include/tensorflow/c/*',
  'tensorflow/include/tensorflow/core/common_runtime/next_pluggable_device/c/*',
  'tensorflow/include/tensorflow/core/platform/*',
  'tensorflow/include/xla/tsl/c/*',
  'tensorflow/include/tsl/platform/*',
  '*.dist-info/METADATA',
];

const LIBRARIES = MEMBERS.slice(0, 2);

/** What the card's kernels include beside: TensorFlow gives its stream to C++ alone. */
const CARD_MEMBERS = ['tensorflow/include/*'];

/** CUDA's has another name than it had before it held all headers, so that an older one is not taken for whole. */
const folderOf = (build) =>
  join(CACHE, `tensorflow-${build}-${VERSION}${build === 'cuda' ? '-headers' : ''}`);

/** The libraries and all headers of the CUDA build, with or without NVIDIA's; undefined where there are none. */
export const cudaLibraries = () => ['cuda', 'cuda-alone'].map(librariesOf).find((path) => existsSync(path));

/** The folder of a build's libraries. */
export const librariesOf = (build) => join(folderOf(build), 'tensorflow');

export async function hasGpu() {
  const known = '/proc/driver/nvidia/gpus';
  if (existsSync(known) && readdirSync(known).length > 0) return true;
  return /^GPU \d/.test((await answer('nvidia-smi', ['-L'])) ?? '');
}

/** The wheel of a build for this machine. Throws NoTensorFlow where there is none. */
function wheelFor(build) {
  const wheel = BUILDS[build].wheels[arch()];
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  if (process.platform !== 'linux' || wheel === undefined || glibc === undefined) {
    const supported = Object.keys(BUILDS[build].wheels).join(' or ');
    throw new NoTensorFlow(
      `TensorFlow ${VERSION} for ${build} needs Linux with the GNU C library on ${supported}; this is ${process.platform} on ${arch()}${glibc ? '' : ' with another C library'}`,
      'Use such a machine or container for trainings that take long.',
    );
  }
  const [major, minor] = glibc.split('.').map(Number);
  if (major * 1000 + minor < 2027) {
    throw new NoTensorFlow(
      `TensorFlow ${VERSION} needs the GNU C library 2.27; this is ${glibc}`,
      'Update the system.',
    );
  }
  return wheel;
}

/** Wheels tagged for any of these run wherever TensorFlow's own does. */
const TAGS = ['manylinux_2_27', 'manylinux_2_18', 'manylinux_2_17', 'manylinux2014', 'manylinux1'];

/** What is fetched, each of one version with the SHA-256 of its wheels: `name==version --hash=sha256:... ...`. */
const PINNED = readFileSync(join(ROOT, 'scripts/setup/wheels.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** Nothing but what is pinned is taken: pip refuses another content. */
function download(name, architecture, folder) {
  const pinned = PINNED.find((line) => line.startsWith(`${name}==`));
  if (pinned === undefined) throw new Problem(`${name} is not in scripts/setup/wheels.txt`, 'Report this.');
  const requirement = join(folder, 'requirement.txt');
  writeFileSync(requirement, `${pinned}\n`);
  const platforms = TAGS.flatMap((tag) => ['--platform', `${tag}_${architecture}`]);
  return run(
    'python3',
    [
      ...[
        '-m',
        'pip',
        'download',
        '--no-deps',
        '--only-binary',
        ':all:',
        '--python-version',
        '3.11',
        ...platforms,
      ],
      ...['--quiet', '--progress-bar', 'off', '--disable-pip-version-check', '--no-cache-dir'],
      ...['--timeout', '60', '--dest', folder, '--require-hashes', '--requirement', requirement],
    ],
    {
      // What pip makes on the way lies where the space was looked at.
      env: { ...process.env, TMPDIR: folder },
      remedy: `Check that pip reaches its package index (\`python3 -m pip config list\`), then run ${again()} again; or go on without TensorFlow, slowly, by ${again('--without-tensorflow')}.`,
    },
  );
}

const unpack = (wheel, folder, patterns) =>
  run('python3', [join(ROOT, 'scripts/setup/extract.py'), wheel, folder, ...patterns], {
    remedy: `Check the space on the disk, then run ${again()} again.`,
  });

const NVRTC = { name: 'nvidia-cuda-nvrtc-cu12', folder: join(CACHE, 'nvrtc-12.9.86') };
const NVRTC_LIBRARY = 'nvidia/cuda_nvrtc/lib/libnvrtc.so.12';

/** NVRTC's library: that of the CUDA build, or the one fetched alone; undefined where there is neither. */
export const nvrtcLibrary = () =>
  [folderOf('cuda'), NVRTC.folder]
    .map((folder) => join(folder, NVRTC_LIBRARY))
    .find((path) => existsSync(path));

/** Makes sure of NVRTC. Throws Problem. */
export async function nvrtc() {
  const { architecture } = wheelFor('cuda');
  const found = nvrtcLibrary();
  if (found !== undefined) {
    say('nvrtc', found);
    return;
  }
  await need([PIP], 'to fetch NVRTC');
  await work('nvrtc', `fetching ${NVRTC.name}`, async () => {
    await seal(NVRTC.folder, async (folder) => {
      await download(NVRTC.name, architecture, folder);
      const wheel = join(
        folder,
        readdirSync(folder).find((name) => name.endsWith('.whl')),
      );
      await unpack(wheel, folder, ['nvidia/*/lib/*.so*', '*/License.txt']);
      rmSync(wheel);
    });
    return join(NVRTC.folder, NVRTC_LIBRARY);
  });
}

/** CUDA's libraries, those that the wheel's extra `and-cuda` names. */
const CUDA = PINNED.flatMap((line) => /^nvidia-[^=]+/.exec(line) ?? []);

async function fill(build, { name, architecture }, folder) {
  const wheels = join(folder, 'wheels');
  const newWheel = () =>
    join(
      wheels,
      readdirSync(wheels).find((name) => name.endsWith('.whl')),
    );
  mkdirSync(wheels);
  await download(name, architecture, wheels);
  await unpack(newWheel(), folder, build === 'cpu' ? MEMBERS : [...MEMBERS, ...CARD_MEMBERS]);
  rmSync(newWheel());
  await run('strip', ['-s', ...LIBRARIES], {
    cwd: folder,
    remedy: 'Report this: the library is not as expected.',
  });
  // One by one, so that no more than one wheel lies beside what came out of it. TensorFlow looks for these libraries
  // in ../nvidia beside its own folder.
  const more = build === 'cuda' ? CUDA : [];
  for (const [index, requirement] of more.entries()) {
    say('', `${requirement}, ${index + 1} of ${more.length} ...`);
    await download(requirement, architecture, wheels);
    await unpack(newWheel(), folder, ['nvidia/*/lib/*.so*', 'nvidia/cuda_nvcc/*', '*/License.txt']);
    rmSync(newWheel());
  }
  rmSync(wheels, { recursive: true });
}

/** Makes sure of a build (`cpu`, `cuda`). Throws NoTensorFlow where it can't be, Problem where it went wrong. */
export async function tensorflow(build) {
  const wheel = wheelFor(build);
  const folder = folderOf(build);
  const found = await examine(folder);
  if (found.whole) {
    say('tensorflow', `${VERSION} for ${build}, ${megabytes(found.bytes)} in ${folder}`);
    return;
  }
  if (found.why !== undefined) say('tensorflow', `${folder} is broken (${found.why}): it is made anew`);
  await need([PIP, STRIP, COMPILER], 'to install TensorFlow', { Kind: NoTensorFlow });
  mkdirSync(CACHE, { recursive: true });
  const { bavail, bsize } = statfsSync(CACHE);
  const { download: bytes, disk } = BUILDS[build];
  if (bavail * bsize < disk) {
    throw new Problem(
      `${CACHE} has ${megabytes(bavail * bsize)} left; TensorFlow needs ${megabytes(disk)} while it is unpacked`,
      'Free some space, or set X3D_CACHE to a folder on another disk.',
    );
  }
  await work('tensorflow', `fetching ${wheel.name} ${VERSION}, about ${megabytes(bytes)}`, async () => {
    await seal(folder, (temporary) => fill(build, wheel, temporary));
    const made = await examine(folder);
    if (!made.whole) throw new Problem(`${folder} was damaged at once (${made.why})`, 'Check the disk.');
    return `${VERSION} for ${build}, ${megabytes(made.bytes)} in ${folder}`;
  });
}
