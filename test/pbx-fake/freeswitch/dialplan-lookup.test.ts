import { describe, expect, it } from 'vitest';
import { canLeadSomewhere } from '../../../src/pbx/freeswitch/dialplan-lookup.js';

const extension = (name: string, conditions: string, attributes = ''): string =>
  `<extension name="${name}" ${attributes}>${conditions}<action application="answer"/></extension>`;
const number = (expression: string): string => `<condition field="destination_number" expression="${expression}">`;
const context = (...extensions: readonly string[]): string =>
  `<context name="default">\n${extensions.join('\n')}\n</context>`;

describe('whether a number leads anywhere', () => {
  const phones = extension('phones', number('^(1\\d\\d\\d)$'));

  it('tells a number that an extension takes from one that none takes', () => {
    expect(canLeadSomewhere(context(phones), '1001')).toBe('yes');
    expect(canLeadSomewhere(context(phones), '4711')).toBe('no');
    expect(canLeadSomewhere(context(), '1001')).toBe('no');
  });

  it('does not count what is commented out, and extensions that go on anyway', () => {
    const all = extension('all', number('.*'));
    const setUp = extension('global', '<condition field="${call_debug}" expression="^true$">', 'continue="true"');
    expect(canLeadSomewhere(context(`<!-- ${all} -->`, setUp), '4711')).toBe('no');
    expect(canLeadSomewhere(context(setUp, all), '4711')).toBe('yes');
  });

  it('gives the benefit of the doubt to what it cannot judge', () => {
    const byTime = extension('night', '<condition hour="18-23">');
    const perlOnly = extension('odd', number('^(?|a(b)|c)$'));
    expect(canLeadSomewhere(context(byTime), '4711')).toBe('yes');
    expect(canLeadSomewhere(context(perlOnly), '4711')).toBe('yes');
    expect(canLeadSomewhere("can't find anything", '4711')).toBe('yes');
    expect(canLeadSomewhere('', '4711')).toBe('yes');
  });

  it('wants every condition on the number to fit', () => {
    const both = extension('both', `${number('^47')}</condition>${number('12$')}`);
    expect(canLeadSomewhere(context(both), '4712')).toBe('yes');
    expect(canLeadSomewhere(context(both), '4711')).toBe('no');
  });

  it('reads XML as XML', () => {
    expect(canLeadSomewhere(context(extension('star', number('^\\*98$|^&lt;$'))), '*98')).toBe('yes');
  });
});
