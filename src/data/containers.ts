/** Files opened as containers with a video in them, by FFmpeg in the process; what is none is told by its content. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  AV_DISPOSITION_ATTACHED_PIC,
  AV_DISPOSITION_STILL_IMAGE,
  AV_DISPOSITION_TIMED_THUMBNAILS,
  AVMEDIA_TYPE_VIDEO,
} from 'node-av/constants';
import {
  Codec,
  CodecContext,
  FormatContext,
  Frame,
  InputFormat,
  Packet,
  type Rational,
  type Stream,
} from 'node-av/lib';
import { BOUNDS } from '../bounds.js';
import { AT_ONCE, notRegular } from '../files.js';
import { DecodingError } from './undecodable.js';

const { width: WIDEST, height: HIGHEST } = BOUNDS.frame;
const MOST_PIXELS = WIDEST * HIGHEST;
const LARGEST = `${WIDEST}x${HIGHEST}`;

/** Demuxers of files that name other files. They are not even opened, since that would open the others. */
const PLAYLISTS = new Set(['hls', 'dash', 'concat', 'imf', 'sdp', 'rtsp', 'sap']);
/** Demuxers that make frames of text, subtitles and pictures. */
const NOT_VIDEO = new Set([
  'tty',
  'bin',
  'xbin',
  'adf',
  'idf',
  'ico',
  'image2',
  'image2pipe',
  'sup',
  'vobsub',
]);
/** Pictures of other streams than the film. */
const NOT_FILM = AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_STILL_IMAGE | AV_DISPOSITION_TIMED_THUMBNAILS;
const HLS = '#EXTM3U';
/** Enough for FFmpeg to know a playlist. */
const SNIFFED_BYTES = 4096;
/** Without a zero in them a file may be text. */
const TEXT_BYTES = 64;
/** Packets up to the first frame: some ten seconds, where a recording begins between two whole pictures. */
const TRIED_PACKETS = 500;
/** Zeros that FFmpeg wants behind a buffer. */
const PADDING = 64;

export interface VideoStream {
  readonly format: FormatContext;
  readonly stream: Stream;
}

/** What a container says of its video stream. */
export interface StreamFacts {
  /** Of a frame's timestamp. */
  readonly secondsPerTick: number;
  /** The mean, or NaN. */
  readonly framesPerSecond: number;
  /** NaN where it can't be told. */
  readonly frames: number;
  /** Width of a pixel over its height; 0 where it is not said. */
  readonly pixelAspect: Rational;
}

export function streamFacts(stream: Stream): StreamFacts {
  const { timeBase, avgFrameRate, nbFrames, duration, sampleAspectRatio } = stream;
  const secondsPerTick = timeBase.num / timeBase.den;
  const framesPerSecond = avgFrameRate.num / avgFrameRate.den;
  const seconds = duration > 0n ? Number(duration) * secondsPerTick : Number.NaN;
  const byTime = seconds * framesPerSecond;
  const counted = nbFrames > 0n ? Number(nbFrames) : Number.NaN;
  return {
    secondsPerTick,
    framesPerSecond,
    // A list of edits leaves out frames that are counted.
    frames: counted < byTime || Number.isNaN(byTime) ? counted : byTime,
    pixelAspect: sampleAspectRatio,
  };
}

function refuseOthers(path: string): void {
  const bytes = Buffer.alloc(SNIFFED_BYTES + PADDING);
  const descriptor = openSync(path, AT_ONCE);
  try {
    const got = notRegular(fstatSync(descriptor));
    if (got !== undefined) throw new DecodingError(got);
    readSync(descriptor, bytes, 0, SNIFFED_BYTES, 0);
  } finally {
    closeSync(descriptor);
  }
  // FFmpeg knows it by its ending alone.
  if (bytes.toString('latin1', 0, HLS.length) === HLS) refuseDemuxer('hls');
  // Playlists are text; asking FFmpeg for every file would take longer than opening it.
  if (!bytes.subarray(0, TEXT_BYTES).includes(0)) refuseDemuxer(InputFormat.probe(bytes, path)?.name ?? '');
}

function refuseDemuxer(name: string): void {
  if (PLAYLISTS.has(name)) throw new DecodingError('a playlist, which names other files', 'no-video');
  if (name.endsWith('_pipe')) throw new DecodingError('a still picture', 'no-video');
}

function refuseSize({ width, height }: { readonly width: number; readonly height: number }): void {
  if (width * height > MOST_PIXELS)
    throw new DecodingError(`frames of ${width}x${height} pixels; up to ${LARGEST} are taken`);
}

/** A decoder that takes no larger frames. Throws DecodingError. */
export function openDecoder({ codecpar }: Stream): CodecContext {
  const codec = Codec.findDecoder(codecpar.codecId);
  if (!codec) throw new DecodingError('no decoder for its codec');
  const context = new CodecContext();
  context.allocContext3(codec);
  context.parametersToContext(codecpar);
  context.threadCount = 1;
  context.setOption('max_pixels', BigInt(MOST_PIXELS));
  if (context.open2Sync(codec, null) >= 0) return context;
  context.freeContext();
  throw new DecodingError(`the ${codec.name} decoder can't read it`);
}

/**
 * Decodes up to the first frame of a container whose header tells no sizes: FFmpeg would do so to know its streams, and
 * without a bound. Throws DecodingError where no frame comes within it.
 */
function refuseUnknownSize(format: FormatContext): void {
  const packet = new Packet();
  const frame = new Frame();
  packet.alloc();
  frame.alloc();
  const decoders = new Map<number, CodecContext>();
  try {
    for (let tried = 0; tried < TRIED_PACKETS && format.readFrameSync(packet) >= 0; ) {
      const { streamIndex } = packet;
      const stream = format.streams[streamIndex];
      if (stream?.codecpar.codecType === AVMEDIA_TYPE_VIDEO) {
        tried += 1;
        const decoder = decoders.get(streamIndex) ?? openDecoder(stream);
        decoders.set(streamIndex, decoder);
        decoder.sendPacketSync(packet);
        if (decoder.receiveFrameSync(frame) >= 0) return;
      }
      packet.unref();
    }
    for (const decoder of decoders.values()) {
      decoder.sendPacketSync(null);
      if (decoder.receiveFrameSync(frame) >= 0) return;
    }
    if (decoders.size > 0) throw new DecodingError(`no frame of up to ${LARGEST} pixels could be decoded`);
  } finally {
    for (const decoder of decoders.values()) decoder.freeContext();
    packet.free();
    frame.free();
  }
}

function openFormat(path: string): FormatContext {
  const format = new FormatContext();
  format.allocContext();
  format.setOption('protocol_whitelist', 'file');
  if (format.openInputSync(`file:${path}`) < 0)
    throw new DecodingError('not a container that FFmpeg can open');
  return format;
}

/** Opens a file whose video stream is not too large to be looked at. Throws DecodingError. */
export function openVideo(path: string): VideoStream {
  refuseOthers(path);
  let format = openFormat(path);
  try {
    const name = format.iformat?.name ?? '';
    refuseDemuxer(name);
    // Before FFmpeg decodes the first frames to know the streams.
    for (const { codecpar } of format.streams) refuseSize(codecpar);
    if (
      format.streams.every(
        ({ codecpar }) => codecpar.codecType !== AVMEDIA_TYPE_VIDEO || codecpar.width === 0,
      )
    ) {
      refuseUnknownSize(format);
      format.closeInputSync();
      format = openFormat(path);
    }
    if (format.findStreamInfoSync() < 0) throw new DecodingError('no readable streams');
    const stream = format.streams[format.findBestStream(AVMEDIA_TYPE_VIDEO)];
    if (!stream || NOT_VIDEO.has(name)) throw new DecodingError('no video stream', 'no-video');
    if ((stream.disposition & NOT_FILM) !== 0)
      throw new DecodingError('no video stream but a cover picture', 'no-video');
    refuseSize(stream.codecpar);
    return { format, stream };
  } catch (error) {
    format.closeInputSync();
    throw error;
  }
}
