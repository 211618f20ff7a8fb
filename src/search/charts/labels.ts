/**
 * Words beside points, where there is room: in full or in brief, above or below the point. Points that lie close together
 * would otherwise have their words one over the other.
 */

export interface Labelled {
  /** Pixels, from the left and from the top. */
  readonly x: number;
  readonly y: number;
  readonly label: string;
  /** Where the label has no room. */
  readonly brief: string;
}

export interface Placed {
  readonly text: string;
  readonly side: Side;
}

/** How far the middle of the words is from the point, pixels. */
export const SIDES = { above: -15, below: 18 } as const;
export type Side = keyof typeof SIDES;

export const LABEL_SIZE = 11;
/** Of a letter, as Vega takes it where it can't measure: generous, since fonts differ. */
const LETTER = 0.8 * LABEL_SIZE;
const LINE = 1.3 * LABEL_SIZE;

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const boxOf = ({ x, y }: Labelled, { text, side }: Placed): Box => {
  const [half, middle] = [(LETTER * text.length) / 2, y + SIDES[side]];
  return { left: x - half, right: x + half, top: middle - LINE / 2, bottom: middle + LINE / 2 };
};

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * Within `width`, in the order of the points; the first have the first choice. One that has room nowhere is without words.
 */
export function placed(points: readonly Labelled[], width: number): (Placed | undefined)[] {
  const taken: Box[] = [];
  return points.map((point) => {
    const choices = [point.label, point.brief].flatMap((text): Placed[] => [
      { text, side: 'above' },
      { text, side: 'below' },
    ]);
    const found = choices.find((choice) => {
      const own = boxOf(point, choice);
      return own.left >= 0 && own.right <= width && !taken.some((box) => overlap(box, own));
    });
    if (found) taken.push(boxOf(point, found));
    return found;
  });
}
