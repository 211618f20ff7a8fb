/** How pixels enter a network, scaled to [0, 1] before: the paper's mean and deviation, the same for every channel. */
export const PIXEL_MEAN = 0.45;
export const PIXEL_DEVIATION = 0.225;
