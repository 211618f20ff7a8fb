/** Figures of a cost, as people read them. */
import { expect, test } from 'vitest';
import { amount, quantity } from '../../src/search/counted.js';

test.each([
  [605256512, '605M'],
  [1962892112, '1.96G'],
  [2000000, '2M'],
  [4.54e11, '454G'],
  [999, '999'],
  [12.3456, '12.3'],
  [0, '0'],
])('%d is written as %s', (value, text) => {
  expect(amount(value)).toBe(text);
});

test('a latency has its unit', () => {
  expect(quantity(12.3456, 'latency')).toBe('12.3 ms');
  expect(quantity(2000000, 'multiplyAdds')).toBe('2M');
});
