/** The flag that bounds a home's cache. */
import { Option } from 'commander';
import { CACHE_LIMIT } from '../data/cache.js';
import { parseAmount } from '../search/configuration.js';
import { bytes } from './figures.js';

export const cacheLimitOption = () =>
  new Option(
    '--cache-limit <bytes>',
    `that decoded frames may take on disk, as a number or like 20G (default: ${bytes(CACHE_LIMIT)})`,
  ).argParser((text) => parseAmount(text, '--cache-limit'));
