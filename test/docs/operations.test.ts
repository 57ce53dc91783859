import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import { Metrics } from '../../src/observe/metrics.js';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');

describe('docs/operations.md', () => {
  it('has each metric with its labels, and no other', async () => {
    const rows = [...page.matchAll(/^\| `(linecard_\w+)` \| (.*?) ?\| /gm)];
    const told = rows.map(([, name = '', labels = '']) => `${name} ${labels.replaceAll(/[`,]/g, '')}`.trim());
    expect(told.sort()).toEqual((await metricsOfOurs()).sort());
  });

  it.each([
    'no connection to Asterisk, trying again',
    'another program has taken the application',
    'agent failed, trying again',
    'not a sound from a caller who is spoken to',
    'already runs Linecard on',
    'the PBX did not hand on what it got from the caller; it does again',
    'the PBX does not hand on what it gets from the caller, whatever was tried',
    'nothing comes from the caller any more: a phone that is muted, or a PBX that does not hand it on',
  ])('explains what the program says: "%s"', (message) => {
    expect(page).toContain(message);
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    expect(sources.some((file) => readFileSync(join(ROOT, 'src', file), 'utf8').includes(message))).toBe(true);
  });
});

describe('systemd/linecard.service', () => {
  it('starts and documents with files that are there', () => {
    const unit = readFileSync(join(ROOT, 'systemd/linecard.service'), 'utf8');
    const files = [...unit.matchAll(/\/opt\/linecard\/([\w./-]+)/g)].map(([, file = '']) => file);
    expect(files).toContain('bin/linecard.mjs');
    for (const file of files) expect(existsSync(join(ROOT, file)), file).toBe(true);
  });
});

type Registered = { readonly name: string; readonly labelNames: readonly string[] };

/** `linecard_calls_live transport state`, without those that prom-client has of every process. */
async function metricsOfOurs(): Promise<string[]> {
  const usual = new Registry();
  collectDefaultMetrics({ register: usual, prefix: 'linecard_' });
  const isUsual = new Set((await usual.getMetricsAsJSON()).map(({ name }) => name));
  const register = vi.spyOn(Registry.prototype, 'registerMetric');
  new Metrics({
    calls: { list: () => [], get: () => null, legReport: () => null },
    engine: { reports: () => [] },
    unready: () => [],
    droppedLogLines: () => 0,
    journal: { trouble: () => null },
  });
  const registered = register.mock.calls.map(([metric]) => metric as unknown as Registered);
  register.mockRestore();
  return registered
    .filter(({ name }) => !isUsual.has(name))
    .map(({ name, labelNames }) => [name, ...labelNames].join(' '));
}
