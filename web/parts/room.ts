/** What room a chart has on the page. */

/** Whether a legend beside the picture would leave no room for it. */
export const isNarrow = (width: number): boolean => width < 600;

const AXIS = 60;
const LEGEND = 135;

/** How wide the plot of a picture is, roughly, pixels. */
export const plotWidth = (width: number): number => width - AXIS - (isNarrow(width) ? 0 : LEGEND);
