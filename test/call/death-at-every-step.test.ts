import { describe, expect, it } from 'vitest';
import { BRIEFING_AGENT } from '../../src/engine/port.js';
import type { Death } from '../support/mortal-world.js';
import { CALLER, GRACE_MS, World } from '../support/mortal-world.js';

// Each scenario is played to its end, and then again for every command that is given to the PBX and every entry in the journal: there the process dies, just before or just after
// it, and the next one finds what the PBX still has. A caller must never be with nobody, and nothing may be left when they have hung up.

type Scenario = (world: World) => readonly (() => unknown)[];

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a call that the agent ends': (world) => [
    ...answered(world),
    () => say(world, 'caller', 'I need two chairs.'),
    () => world.life.engine.onMessage({ kind: 'agentDone', callId: world.callId, reason: 'goodbye' }),
  ],
  'hold by an operator, and back': (world) => [
    ...answered(world),
    () => world.life.manager.hold(world.callId),
    () => world.life.manager.resume(world.callId),
    () => world.life.manager.hangUp(world.callId),
  ],
  'hold by the caller’s phone': (world) => [
    ...answered(world),
    () => world.pbx.onEvent({ kind: 'holdChanged', channelId: CALLER, held: 'held' }),
    () => world.pbx.onEvent({ kind: 'holdChanged', channelId: CALLER, held: 'resumed' }),
  ],
  'an agent that fails': (world) => [
    ...answered(world),
    () =>
      world.life.engine.onMessage({
        kind: 'agentFailed',
        callId: world.callId,
        code: 'AGENT_FAILED',
        message: 'the provider is gone',
      }),
  ],
  'a call that is turned away': (world) => [
    () => {
      world.life.engine.refusals = ['full'];
    },
    () => world.offer(),
  ],
  'a blind transfer': (world) => [...answered(world), transfer(world, 'blind')],
  'a warm transfer that is taken': (world) => [
    ...briefed(world, 'warm'),
    () => world.pbx.people.press('1'),
    () => world.clock.advanceAsync(GRACE_MS),
  ],
  'a warm transfer where the PBX keeps the two': (world) => [
    () => {
      world.pbx.people.releases = 'kept';
    },
    ...briefed(world, 'warm'),
    () => world.pbx.people.press('1'),
    () => world.clock.advanceAsync(GRACE_MS),
  ],
  'a warm transfer that is declined': (world) => [...briefed(world, 'warm'), () => world.pbx.people.press('2')],
  'a warm transfer to somebody who hangs up soon after': (world) => [
    ...briefed(world, 'warm'),
    () => world.pbx.people.press('1'),
    () => world.pbx.people.leave(),
  ],
  'a conference': (world) => [...briefed(world, 'conference'), () => world.pbx.people.press('1')],
};

function answered(world: World): (() => void)[] {
  return [() => world.offer(), () => say(world, 'agent', 'Good morning.')];
}

function say(world: World, who: 'agent' | 'caller', text: string): void {
  const turn = { who, text, atMs: world.clock.wallMs(), heardMs: 900, interrupted: false };
  world.life.engine.onMessage({ kind: 'turn', callId: world.callId, turn });
}

function transfer(world: World, mode: 'blind' | 'warm' | 'conference'): () => Promise<void> {
  return () => world.life.manager.transfer(world.callId, 'sales', { mode, summary: 'Two chairs.' });
}

function briefed(world: World, mode: 'warm' | 'conference'): (() => unknown)[] {
  return [
    ...answered(world),
    transfer(world, mode),
    () => world.pbx.people.answer(),
    () => {
      const briefing = [...world.life.engine.sessions.values()].find(({ agent }) => agent === BRIEFING_AGENT);
      const turn = { who: 'agent', text: 'x', atMs: 0, heardMs: 1, interrupted: false } as const;
      world.life.engine.onMessage({ kind: 'turn', callId: briefing!.callId, turn });
    },
  ];
}

async function play(scenario: Scenario, death: Death | null): Promise<World> {
  const world = new World(death);
  await world.after(...scenario(world));
  return world;
}

/** What was done in the whole scenario, when nobody dies. */
async function workOf(scenario: Scenario): Promise<readonly string[]> {
  const world = await play(scenario, null);
  const { work } = world.life;
  world.close();
  return work;
}

describe.each(Object.entries(SCENARIOS))('a process that dies in %s', (name, scenario) => {
  it.each(['before', 'after'] as const)('%s any of its steps: the caller is never with nobody', async (when) => {
    const work = await workOf(scenario);
    for (const [index, what] of work.entries()) {
      const world = await play(scenario, { at: index + 1, when });
      const where = `${name}: ${when} step ${index + 1} of ${work.length}, ${what}`;
      await world.restart();
      expect(world.callerIsWith(), where).not.toMatch(/nobody|nothing|no reason/);
      await world.later();
      expect(world.callerIsWith(), `${where}, two minutes later`).not.toMatch(/nobody|nothing|no reason|music|ringing/);
      world.callerHangsUp();
      await world.later(60_000);
      expect(world.leftovers(), where).toEqual([]);
      world.close();
    }
  });
});

/** What the PBX was told, and where the caller was in the end. */
async function courseOf(scenario: Scenario, journal: 'works' | 'fails'): Promise<readonly string[]> {
  const world = new World(null);
  // On a closed file every entry fails.
  if (journal === 'fails') world.journal.close();
  await world.after(...scenario(world));
  const told = world.pbx.commands.map((command) => command.replaceAll(/linecard-[0-9a-f-]{36}/g, '…'));
  const course = [...told, world.callerIsWith()];
  world.close();
  return course;
}

describe('the journal', () => {
  it.each(Object.entries(SCENARIOS))('may fail at every entry without a difference to %s', async (_, scenario) => {
    expect(await courseOf(scenario, 'fails')).toEqual(await courseOf(scenario, 'works'));
  });

  /** An entry, and the commands that it must come before. */
  const FIRST: Readonly<Record<string, readonly [entry: string, command: RegExp]>> = {
    'a call that the agent ends': ['journal callEnded', /^hangUp/],
    'hold by an operator, and back': ['journal holdChanged', /^hold/],
    'a blind transfer': ['journal transferBegins', /^handBack/],
    'a warm transfer that is taken': ['journal step', /^(dial|connect)/],
    'a conference': ['journal step', /^(dial|join)/],
    'an agent that fails': ['journal stateChanged', /^handBack/],
  };

  it.each(Object.entries(FIRST))('knows of %s before the PBX does', async (name, [entry, command]) => {
    const work = await workOf(SCENARIOS[name]!);
    const commands = work.flatMap((what, index) => (command.test(what) ? [index] : []));
    expect(commands).not.toEqual([]);
    // Each command has an entry of its own.
    commands.reduce((from, at) => {
      expect(work.slice(from, at), work.slice(0, at + 1).join(', ')).toContain(entry);
      return at;
    }, 0);
  });

  it('knows of a caller before they hear ringing', async () => {
    const work = await workOf(SCENARIOS['a blind transfer']!);
    const [known, ringing] = [work.indexOf('journal locate'), work.indexOf('ring caller-1')];
    expect(work.indexOf('journal callStarted')).toBe(known - 1);
    expect(known).toBeLessThan(ringing);
  });
});
