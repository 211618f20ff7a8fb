/** How pixels enter a published network, scaled to [0, 1] before: the same for every channel (facts of SlowFast). */
export const PIXEL_MEAN = 0.45;
export const PIXEL_DEVIATION = 0.225;
