import { afterEach, describe, expect, it } from 'vitest';
import { BRIEFING_AGENT } from '../../src/engine/port.js';
import { CALLER, World } from '../support/mortal-world.js';

// What dies around a call while its process lives, in every state that a call can be in. The process itself dies in death-at-every-step.test.ts.

type Step = () => unknown;

const STATES = {
  ringing: (world) => [
    () => {
      world.life.engine.legs = 'stay away';
    },
    () => world.offer(),
  ],
  talking: (world) => talking(world),
  'on hold': (world) => [...talking(world), () => world.life.manager.hold(world.callId)],
  'held by the phone': (world) => [
    ...talking(world),
    () => world.pbx.onEvent({ kind: 'holdChanged', channelId: CALLER, held: 'held' }),
  ],
  'a person is rung': (world) => [...talking(world), transfer(world, 'warm')],
  'a person is told': (world) => told(world, 'warm'),
  'with a person': (world) => [...told(world, 'warm'), () => world.pbx.people.press('1')],
  'in a conference': (world) => [...told(world, 'conference'), () => world.pbx.people.press('1')],
} as const satisfies Record<string, (world: World) => readonly Step[]>;

type StateName = keyof typeof STATES;

/** What happens, and where the caller is then, by the state of before. */
const WAYS: Readonly<
  Record<string, { readonly happens: (world: World) => unknown; readonly then: Readonly<Record<StateName, string>> }>
> = {
  'the connection to the PBX is cut for a moment': {
    happens: (world) => world.reconnect(),
    then: {
      ringing: 'ringing',
      talking: 'the agent',
      'on hold': 'on hold',
      'held by the phone': 'the agent',
      'a person is rung': 'music',
      'a person is told': 'music',
      'with a person': 'a person',
      'in a conference': 'the agent',
    },
  },
  'the PBX is restarted': {
    happens: (world) => world.restartPbx(),
    then: everywhere('hung up'),
  },
  'a media thread freezes': {
    happens: (world) => world.life.engine.loseLeg(world.callId),
    then: {
      ringing: 'in the dialplan',
      talking: 'the agent',
      'on hold': 'on hold',
      'held by the phone': 'the agent',
      'a person is rung': 'music',
      'a person is told': 'music',
      'with a person': 'a person',
      'in a conference': 'the agent',
    },
  },
  'the provider is gone': {
    happens: ({ life, callId }) =>
      life.engine.onMessage({ kind: 'agentFailed', callId, code: 'AGENT_FAILED', message: 'the provider is gone' }),
    then: {
      ...everywhere('in the dialplan'),
      'a person is rung': 'music',
      'a person is told': 'music',
      'with a person': 'a person',
      'in a conference': 'a person',
    },
  },
  'the process is told to end': {
    happens: async ({ life, clock }) => {
      const drained = life.manager.drain(5000);
      await clock.advanceAsync(5000);
      await drained;
    },
    then: { ...everywhere('in the dialplan'), 'with a person': 'a person', 'in a conference': 'a person' },
  },
};

function everywhere(where: string): Record<StateName, string> {
  return Object.fromEntries(Object.keys(STATES).map((name) => [name, where])) as Record<StateName, string>;
}

function talking(world: World): Step[] {
  return [() => world.offer()];
}

function transfer(world: World, mode: 'warm' | 'conference'): Step {
  return () => world.life.manager.transfer(world.callId, 'sales', { mode, summary: 'Two chairs.' });
}

function told(world: World, mode: 'warm' | 'conference'): Step[] {
  return [
    ...talking(world),
    transfer(world, mode),
    () => world.pbx.people.answer(),
    () => {
      const briefing = [...world.life.engine.sessions.values()].find(({ agent }) => agent === BRIEFING_AGENT);
      const turn = { who: 'agent', text: 'x', atMs: 0, heardMs: 1, interrupted: false } as const;
      world.life.engine.onMessage({ kind: 'turn', callId: briefing!.callId, turn });
    },
  ];
}

describe.each(Object.entries(WAYS))('%s', (_, { happens, then }) => {
  let world: World;
  afterEach(() => world.close());

  it.each(Object.entries(then))('while the caller is %s', async (state, where) => {
    world = new World(null);
    await world.after(...STATES[state as StateName](world), () => happens(world));
    expect(world.callerIsWith()).toBe(where);
    await world.later();
    expect(world.callerIsWith()).not.toMatch(/nobody|nothing|no reason|music|ringing/);
    world.callerHangsUp();
    await world.later(60_000);
    expect(world.leftovers()).toEqual([]);
  });
});
