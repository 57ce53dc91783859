import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Menu } from '../../../../src/agent/providers/embedded/menu.js';
import type { Meaning } from '../../../../src/agent/providers/embedded/phrases.js';
import { buildGrammar, meaningOf, spokenWords } from '../../../../src/agent/providers/embedded/phrases.js';

const MENU = new Menu({
  places: [
    { key: 'sales', label: 'Sales', dial: '6001' },
    { key: 'front_desk', label: 'Front Desk', dial: '6002' },
  ],
  operator: 'offered',
  hours: 'offered',
  messages: 'offered',
});

describe('what a caller says', () => {
  const cases: readonly (readonly [string, Meaning | null])[] = [
    ['sales', { kind: 'destination', key: 'sales' }],
    ['i would like to speak to the front desk please', { kind: 'destination', key: 'front_desk' }],
    ['extension six oh zero two', { kind: 'extension', extension: '6002' }],
    ['press two', { kind: 'digit', digit: '2' }],
    ['when are you open', { kind: 'hours' }],
    ['leave a message', { kind: 'message' }],
    ['give me a real person', { kind: 'operator' }],
    ["that's right", { kind: 'yes' }],
    ["no that's wrong", { kind: 'no' }],
    ['say that again', { kind: 'repeat' }],
    ['thank you goodbye', { kind: 'goodbye' }],
    ['six six six', null],
    ['', null],
  ];
  it.each(cases)('"%s" is understood', (said, meaning) => {
    expect(meaningOf(said, MENU.phraseBook)).toEqual(meaning);
  });

  it('is nothing that the attendant cannot do', () => {
    const bare = new Menu({ places: [], operator: 'none', hours: 'none', messages: 'none' });
    const { rules } = buildGrammar(bare.phraseBook);
    expect(rules).not.toMatch(/<(destination|extension|operator|hours|message)>/);
    expect(rules).toContain('<goodbye>');
  });
});

describe('the grammar', () => {
  it('has no rule that is used and not there, and no sign that would end one, whatever the places are called', () => {
    const label = fc.string({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(fc.record({ key: label, label, dial: label }), { maxLength: 12 }), (places) => {
        const menu = new Menu({ places, operator: 'offered', hours: 'none', messages: 'offered' });
        const { rules, words } = buildGrammar(menu.phraseBook);
        const defined = new Set([...rules.matchAll(/^(?:public )?<([a-z]+)> = /gm)].map(([, name]) => name));
        for (const [, name] of rules.matchAll(/<([a-z]+)>/g)) expect(defined).toContain(name);
        for (const line of rules.split('\n')) expect(line).toMatch(/^(public )?<[a-z]+> = [a-z' |()[\]<>]+;$/);
        for (const word of words) expect(word).toMatch(/^[a-z']+$/);
      }),
    );
  });

  it('says names as people do', () => {
    expect(spokenWords('R&D (Köln) 2')).toEqual(['r', 'and', 'd', 'koln', 'two']);
  });
});
