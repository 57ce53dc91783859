import { expect } from 'vitest';
import { findFreePort } from '../../../src/demo/ports.js';
import { startAsterisk } from '../asterisk.js';
import { EslClient } from '../esl-client.js';
import { ESL_PASSWORD, TestFreeSwitch } from '../freeswitch.js';
import { expectNothingLeft } from '../leftovers.js';
import type { LinecardSetUp } from '../linecard.js';

/** A real PBX with phones, as stories know it that are the same on every PBX. A phone's password is `secret` and its number. */
export type PbxWorld = {
  readonly kind: 'asterisk' | 'freeswitch';
  readonly sipPort: number;
  /** Phones: of the caller, of the person who is asked first, and of somebody else. */
  readonly numbers: { readonly caller: string; readonly person: string; readonly other: string };
  /** What to start a Linecard with, so that it serves this PBX. */
  readonly setUp: (config: Readonly<Record<string, unknown>>) => LinecardSetUp;
  /** Resolves when no channel and no bridge is left. */
  readonly nothingLeft: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** @param more phones beside the three, and what is put at the end of configuration files */
export async function asteriskWorld(
  more: { readonly phones?: readonly string[]; readonly append?: Readonly<Record<string, string>> } = {},
): Promise<PbxWorld> {
  const numbers = { caller: '6001', person: '6002', other: '6003' };
  const asterisk = await startAsterisk({
    audiosocket: `127.0.0.1:${await findFreePort()}`,
    phones: [...Object.values(numbers), ...(more.phones ?? [])].map((number) => ({
      number,
      password: `secret${number}`,
      label: `P ${number}`,
    })),
    append: more.append ?? {},
  });
  return {
    kind: 'asterisk',
    sipPort: asterisk.config.sipPort,
    numbers,
    setUp: (config) => ({ asterisk, config }),
    nothingLeft: () => expectNothingLeft(asterisk),
    stop: () => asterisk.stop(),
  };
}

/** @param extensions more of them, as XML; callers go to `other` where Linecard is away */
export async function freeSwitchWorld(extensions = ''): Promise<PbxWorld> {
  const numbers = { caller: '1002', person: '1001', other: '1003' };
  const freeswitch = await TestFreeSwitch.start({
    socketPort: await findFreePort(),
    fallback: numbers.other,
    extensions,
  });
  const esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
  const count = async (): Promise<string> => /^(\d+) session\(s\) - peak/m.exec(await esl.api('status'))?.[1] ?? '';
  return {
    kind: 'freeswitch',
    sipPort: freeswitch.sipPort,
    numbers,
    setUp: (config) => ({ config: { pbx: [freeswitch.pbxConfig], ...config } }),
    nothingLeft: () => expect.poll(count, { timeout: 15_000, interval: 50 }).toBe('0'),
    stop: async () => {
      esl.close();
      await freeswitch.stop();
    },
  };
}
