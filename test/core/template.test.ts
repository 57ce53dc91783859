import { describe, expect, it } from 'vitest';
import { fillTemplate, placeholders, solePlaceholder } from '../../src/core/template.js';

describe('a template', () => {
  it('names its placeholders, and leaves other braces alone', () => {
    expect(placeholders('/a/{order}?x={call.id}&y={}&z={1}&{a b}{"q":"{q}"}')).toEqual(['order', 'call.id', 'q']);
  });

  it('is filled once: what was put in is not looked at again', () => {
    expect(fillTemplate('{a}-{b}', (name) => (name === 'a' ? '{b}' : 'B'))).toBe('{b}-B');
  });

  it('knows when it is one placeholder and nothing else', () => {
    expect(['{a}', '{call.id}', ' {a}', '{a}{b}', 'a'].map(solePlaceholder)).toEqual([
      'a',
      'call.id',
      null,
      null,
      null,
    ]);
  });
});
