import { describe, expect, it } from 'vitest';
import { namedArguments, wishes } from '../../src/pbx/wishes.js';

describe('what a dialplan tells of a call', () => {
  it('is an agent, and variables for prompts', () => {
    expect(wishes(namedArguments(['agent=billing', 'customer= 42 ', 'note=a=b', 'nonsense', '=x']))).toEqual({
      agent: 'billing',
      variables: { customer: '42', note: 'a=b' },
    });
    expect(wishes({})).toEqual({});
  });

  it('is bounded, and has names that a prompt can name', () => {
    const many = Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`v${index}`, 'x'.repeat(2000)]));
    const { variables = {} } = wishes({ ...many, 'a-b': '1', __proto__: 'x' });
    expect(Object.keys(variables)).toHaveLength(50);
    expect(variables['v0']).toHaveLength(1000);
  });
});
