/** Files that give no video, and why. */

/** `no-video`: the file is whole, perhaps, but nobody means it as a video. */
export type Undecodable = 'undecodable' | 'no-video';

/** A file that FFmpeg can't make frames of; the message is the reason, without the file's name. */
export class DecodingError extends Error {
  override readonly name = 'DecodingError';
  constructor(
    message: string,
    readonly kind: Undecodable = 'undecodable',
  ) {
    super(message);
  }
}
