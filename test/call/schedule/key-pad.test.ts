import { beforeEach, describe, expect, it } from 'vitest';
import { KeyPad } from '../../../src/call/schedule/key-pad.js';
import { FakeClock } from '../../support/fake-clock.js';

let clock: FakeClock;
let heard: string;
let entered: string[];
let pad: KeyPad;

function build(codes: readonly [string, string][]): void {
  clock = new FakeClock();
  heard = '';
  entered = [];
  pad = new KeyPad({
    codes: new Map(codes),
    clock,
    pass: (digit) => (heard += digit),
    entered: (what) => entered.push(what),
  });
}

function press(keys: string): void {
  for (const key of keys) pad.press(key);
}

beforeEach(() =>
  build([
    ['*284711', 'office'],
    ['*290815', 'support'],
  ]),
);

describe('keys that a caller presses at an agent', () => {
  it('reach the agent at once where they begin no code', () => {
    press('1290#');
    expect(heard).toBe('1290#');
    expect(clock.pendingAlarms).toBe(0);
  });

  it('are a code, and nothing of it reaches the agent', () => {
    press('3*284711*2908152');
    expect(entered).toEqual(['office', 'support']);
    expect(heard).toBe('32');
  });

  it('reach the agent in their order when they turn out to be no code', () => {
    press('*2846');
    expect(heard).toBe('*2846');
    expect(entered).toEqual([]);
  });

  it('may begin a code with the key that broke another', () => {
    press('*28*284711');
    expect(entered).toEqual(['office']);
    expect(heard).toBe('*28');
  });

  it('reach the agent when nobody goes on', () => {
    press('*');
    expect(heard).toBe('');
    clock.advance(4000);
    expect(heard).toBe('*');
    press('284711');
    expect(entered).toEqual([]);
  });

  it('are no code any more after two hundred: nobody is to try them all', () => {
    press('1'.repeat(200));
    press('*284711');
    expect(entered).toEqual([]);
    expect(heard.endsWith('*284711')).toBe(true);
  });

  it('are forgotten when the call is over', () => {
    press('*28');
    pad.close();
    expect(clock.pendingAlarms).toBe(0);
    expect(heard).toBe('');
  });

  it('all reach the agent where there is no code', () => {
    build([]);
    press('*284711');
    expect(heard).toBe('*284711');
  });
});
