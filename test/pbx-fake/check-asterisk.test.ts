import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { checkAsterisk } from '../../src/pbx/asterisk/check-asterisk.js';
import { FakeAri } from './fake-ari.js';

let ari: FakeAri;
beforeEach(async () => {
  ari = new FakeAri();
  await ari.start();
});
afterEach(() => ari.stop());

async function sentences(): Promise<string[]> {
  const { url } = ari;
  const options = { url, username: 'linecard', password: 'secret', app: 'linecard', clock: systemClock };
  return (await checkAsterisk(options)).map(({ level, sentence }) => `${level}: ${sentence}`);
}

test("Debian's build is told from that of its makers", async () => {
  ari.version = '22.10.1+dfsg+~cs6.17.60671434-1';
  expect(await sentences()).toContainEqual(
    expect.stringMatching(/^ok: it is Debian's or Ubuntu's build, which may cease/),
  );
  ari.version = '22.10.1';
  expect((await sentences()).join()).not.toContain('Debian');
});

test('an Asterisk whose AudioSocket is narrow is told of', async () => {
  ari.version = '20.16.0';
  expect(await sentences()).toContainEqual(expect.stringMatching(/^warning: Asterisk 20.16.0 .* 8 kHz only$/));
});
