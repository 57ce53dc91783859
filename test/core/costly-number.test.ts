import { expect, it } from 'vitest';
import { costlyNumber } from '../../src/core/costly-number.js';

it.each([
  ['6001', null],
  ['9001', null],
  ['sales', null],
  ['*97', null],
  ['03012345678', null],
  ['018912345678', null],
  ['+19005551234', 'international'],
  ['0014165551234', 'international'],
  ['00-49-30-123456', 'international'],
  ['901144201234567', 'international'],
  ['09001234567', 'premium'],
  ['19005551234', 'premium'],
  ['00900123456', 'premium'],
] as const)('%s is %s', (number, why) => {
  expect(costlyNumber(number, [])).toBe(why);
});

it('a prefix that is allowed may be dialled, the others may not', () => {
  expect(costlyNumber('+4930123456', ['+49'])).toBeNull();
  expect(costlyNumber('+4430123456', ['+49'])).toBe('international');
});
