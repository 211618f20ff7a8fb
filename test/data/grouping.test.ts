import { describe, expect, it } from 'vitest';
import { grouping } from '../../src/data/grouping.js';

describe('groups by a regular expression', () => {
  it('are what its first parentheses match', () => {
    const groupOf = grouping('([^/_]+)_[^/]*$');
    expect(groupOf('bend/ido_bend.avi')).toBe('ido');
    expect(grouping('^(?<person>\\w+)/')('café/x.mp4'.replace('é', 'e'))).toBe('cafe');
    expect(grouping(undefined)('anything')).toBeUndefined();
  });

  it.each([
    '(a+)+$',
    '(a|aa)+$',
    '(a|a?)+$',
    '(.*a){20}$',
    '(\\w+\\s?)*$',
    '(([a-z])+.)+[A-Z]([a-z])+$',
    '^(a*)*$',
  ])('take time that grows with the name alone: %s', (expression) => {
    const groupOf = grouping(expression);
    const started = performance.now();
    try {
      groupOf(`${'a'.repeat(4000)}!`);
    } catch (error) {
      expect(String(error)).toMatch(/does not match/);
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it.each([
    ['(a)\\1', /without look-around and back references/],
    ['(?=(a))b', /without look-around and back references/],
    ['((a{1000}){1000}){1000}', /a regular expression/],
  ])('are refused where they would need more: %s', (expression, message) => {
    expect(() => grouping(expression)).toThrow(message);
  });
});
