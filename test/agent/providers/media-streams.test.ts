import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MediaStreamsOptions } from '../../../src/agent/providers/media-streams/provider.js';
import { MediaStreamsProvider } from '../../../src/agent/providers/media-streams/provider.js';
import { AgentCallHarness, until } from '../../support/agent-call.js';
import { FakeMediaStreamsBot } from '../../support/fake-media-streams-bot.js';

let bot: FakeMediaStreamsBot;
let harness: AgentCallHarness | null;

beforeEach(async () => {
  bot = new FakeMediaStreamsBot();
  await bot.server.start();
  harness = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await bot.server.stop();
  expect(bot.mistakes).toEqual([]);
});

function open(options: Partial<MediaStreamsOptions> = {}): AgentCallHarness {
  const provider = new MediaStreamsProvider({
    name: 'mybot',
    url: bot.url,
    parameters: { tenant: 'acme' },
    authToken: null,
    ...options,
  });
  harness = new AgentCallHarness({ provider });
  return harness;
}

/** A call in which the stream has begun. */
async function talking(options: Partial<MediaStreamsOptions> = {}): Promise<AgentCallHarness> {
  const call = open(options);
  call.conversation.start();
  await until(() => bot.of('start').length === 1);
  return call;
}

describe('a Media Streams bot', () => {
  it('is connected while the phone rings, and told of the call when the caller can hear', async () => {
    const call = open();
    await until(() => bot.server.connections.length === 1);
    call.run(200);
    expect(bot.received).toEqual([]);
    call.conversation.start();
    await until(() => bot.of('start').length === 1);
    const { start } = bot.of('start')[0]!;
    expect(start.customParameters).toEqual({ tenant: 'acme', from: '+4930123', callerName: 'Ada', to: '7000' });
    expect(bot.connection.path).toBe('/media?tenant=a%20b');
  });

  it('is told of the call when it connects later than the caller hears', async () => {
    await talking();
    expect(bot.of('connected')).toHaveLength(1);
  });

  it('can check the signature of who connects', async () => {
    const url = bot.url;
    await talking({ authToken: 'shared' });
    const expected = createHmac('sha1', 'shared').update(url).digest('base64');
    expect(bot.connection.headers['x-twilio-signature']).toBe(expected);
  });

  it('hears every frame as 160 bytes of µ-law, with its time', async () => {
    const call = await talking();
    call.run(400, 8000);
    await until(() => bot.of('media').length === 20);
    const heard = bot.heard;
    expect(heard).toHaveLength(20 * 160);
    // The step from 7804 to 8060 of the sixth segment (G.711, table 2a, on a 16-bit scale).
    expect(new Set(heard.subarray(1000))).toEqual(new Set([0xa0]));
    expect(bot.of('media').map(({ media }) => Number(media.timestamp))).toEqual(
      Array.from({ length: 20 }, (_, i) => (i + 1) * 20),
    );
  });

  it('speaks at the pace of the caller whatever the pace it sends with', async () => {
    const call = await talking();
    bot.say(5000);
    bot.mark('end');
    await call.runUntil(() => bot.of('mark').length === 1);
    expect(call.leg.audibleFrames).toBeGreaterThanOrEqual(250);
    expect(call.leg.audibleFrames).toBeLessThanOrEqual(252);
  });

  it('is told of each mark when what was before it was heard', async () => {
    const call = await talking();
    bot.mark('at once');
    bot.say(100);
    bot.mark('one');
    bot.mark('two');
    bot.say(100);
    bot.mark('three');
    await call.runUntil(() => call.leg.audibleFrames > 0);
    const before = call.leg.played.length;
    expect(bot.of('mark').map(({ mark }) => mark.name)).not.toContain('one');
    call.run(100);
    await until(() => bot.of('mark').length === 3);
    expect(bot.of('mark').map(({ mark }) => mark.name)).toEqual(['at once', 'one', 'two']);
    call.run(100);
    await until(() => bot.of('mark').length === 4);
    expect(call.leg.played.length - before).toBe(10);
  });

  it('that marks each packet of a long answer gets every mark back in order', async () => {
    const call = await talking();
    const names = Array.from({ length: 400 }, (_, i) => `m${i}`);
    for (const name of names) {
      bot.say(20);
      bot.mark(name);
    }
    await call.runUntil(() => bot.of('mark').length === 400);
    expect(bot.of('mark').map(({ mark }) => mark.name)).toEqual(names);
  });

  it('that clears is silent at the next frame, and gets its marks back', async () => {
    const call = await talking();
    bot.say(60_000);
    bot.mark('never heard');
    await call.runUntil(() => call.leg.audibleFrames >= 10);
    bot.clear();
    await call.runUntil(() => bot.of('mark').length === 1);
    const played = call.leg.audibleFrames;
    call.run(200);
    expect(call.leg.audibleFrames).toBe(played);
    bot.say(100);
    await call.runUntil(() => call.leg.audibleFrames > played);
  });

  it('is told of keys, which cut it off with all it has sent', async () => {
    const call = await talking();
    bot.say(60_000);
    bot.mark('menu');
    await call.runUntil(() => call.leg.audibleFrames >= 10);
    call.conversation.digit('5');
    call.run(20);
    await until(() => bot.of('dtmf').length === 1 && bot.of('mark').length === 1);
    expect(bot.of('dtmf')[0]?.dtmf.digit).toBe('5');
    const played = call.leg.audibleFrames;
    call.run(1000);
    expect(call.leg.audibleFrames).toBe(played);
  });

  it('that closes in good order ends the call after what it said was heard', async () => {
    const call = await talking();
    bot.say(1000);
    bot.connection.socket.close();
    await call.runUntil(() => call.done.length === 1);
    expect(call.leg.audibleFrames).toBeGreaterThanOrEqual(50);
    expect(call.done).toEqual(['the bot ended the stream']);
    expect(call.failures).toEqual([]);
  });

  it('is told when the call is over, and let go', async () => {
    const call = await talking();
    call.conversation.close();
    await until(() => bot.connection.closedWith !== null);
    expect(bot.of('stop')).toHaveLength(1);
    expect(bot.connection.closedWith).toBe(1000);
    await until(() => call.clock.pendingAlarms === 0);
  });
});

describe('a Media Streams bot that misbehaves', () => {
  it.each([
    ['refuses', 503, /refused with HTTP 503: not today/],
    ['does not know us', 401, /refused with HTTP 401/],
  ])('and %s is a provider that cannot be had', async (_what, status, message) => {
    bot.server.welcome = { kind: 'refuse', status };
    const call = open();
    await until(() => call.failures.length === 1);
    expect(call.failures[0]?.code).toBe('AGENT_UNAVAILABLE');
    expect(call.failures[0]?.message).toMatch(message);
    expect(call.failures[0]?.message).not.toContain('tenant');
  });

  it('and never answers is given up in time', () => {
    bot.server.welcome = { kind: 'hang' };
    const call = open();
    call.run(4980);
    expect(call.failures).toEqual([]);
    call.run(20);
    expect(call.failures[0]?.code).toBe('AGENT_UNAVAILABLE');
    expect(call.clock.pendingAlarms).toBe(0);
  });

  it('and is not there fails at once', async () => {
    const call = open({ url: 'ws://127.0.0.1:1/' });
    await until(() => call.failures.length === 1);
    expect(call.failures[0]?.message).toContain('ECONNREFUSED');
  });

  it('and dies in the middle of a word fails once', async () => {
    const call = await talking();
    bot.say(10_000);
    await call.runUntil(() => call.leg.audibleFrames > 0);
    bot.server.cut();
    await call.runUntil(() => call.failures.length === 1);
    call.conversation.close();
    expect(call.failures).toHaveLength(1);
    expect(call.failures[0]?.code).toBe('AGENT_FAILED');
    expect(call.clock.pendingAlarms).toBe(0);
  });

  it('and closes with an error is no end of the conversation', async () => {
    const call = await talking();
    bot.connection.socket.close(1011, 'out of memory');
    await call.runUntil(() => call.failures.length === 1);
    expect(call.failures[0]?.message).toContain('code 1011, out of memory');
    expect(call.done).toEqual([]);
  });

  it('and stops reading and answering is noticed', async () => {
    const call = await talking();
    bot.connection.socket.pause();
    call.run(15_000);
    expect(call.failures[0]?.message).toContain('does not answer any more');
  });

  it('and talks nonsense is ignored as long as that is bearable', async () => {
    const call = await talking();
    for (const nonsense of ['{', '[]', 'null', '{"event":"media"}', '{"event":"media","media":{"payload":"*"}}']) {
      bot.send(nonsense);
    }
    bot.connection.socket.send(Buffer.from([1, 2, 3]));
    bot.say(100);
    await call.runUntil(() => call.leg.audibleFrames > 0);
    expect(call.failures).toEqual([]);
    for (let i = 0; i < 100; i++) bot.send('{"event":"nonsense"}');
    await call.runUntil(() => call.failures.length === 1);
    expect(call.failures[0]?.message).toContain('does not speak Twilio Media Streams');
  });

  it('and sends an hour of speech loses what does not fit, and nothing else', async () => {
    const call = await talking();
    for (let i = 0; i < 60; i++) bot.say(60_000);
    bot.clear();
    bot.mark('after');
    await call.runUntil(() => bot.of('mark').length === 1);
    bot.say(100);
    const before = call.leg.audibleFrames;
    await call.runUntil(() => call.leg.audibleFrames >= before + 5);
    expect(call.failures).toEqual([]);
  });
});

describe('the example of a bot in twenty lines', () => {
  it('says back what it hears and hangs up at #', async () => {
    const example = spawn(process.execPath, ['examples/media-streams-echo-bot.mjs', '0']);
    try {
      const [line] = (await once(example.stdout, 'data')) as [Buffer];
      const call = open({ url: /ws:\S+/.exec(line.toString())?.[0] ?? 'ws://no.address' });
      call.conversation.start();
      await call.runUntil(() => call.leg.audibleFrames >= 20, 5000);
      const level = call.leg.played.at(-1)?.[160] ?? 0;
      expect(level).toBeGreaterThan(4800);
      expect(level).toBeLessThan(5200);
      call.conversation.digit('#');
      await call.runUntil(() => call.done.length === 1);
    } finally {
      example.kill();
    }
  });
});
