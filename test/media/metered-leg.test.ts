import { beforeEach, describe, expect, it } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { MeteredLeg } from '../../src/media/metered-leg.js';
import { FakeLeg } from '../support/fake-leg.js';
import { tone } from '../support/signals.js';

const SPEECH = tone(300, FRAME_SAMPLES, 4000);
const BREATH = tone(300, FRAME_SAMPLES, 30);
const SILENCE = new Int16Array(FRAME_SAMPLES);

let inside: FakeLeg;
let leg: MeteredLeg;

/** Time goes on: the party says `heard` and is given `played`. */
function run(ms: number, heard: Int16Array | null, played: Int16Array): void {
  const frame = new Int16Array(FRAME_SAMPLES);
  for (let passed = 0; passed < ms; passed += FRAME_MS) {
    if (heard !== null) inside.uplink.push(heard);
    leg.pull(frame, passed);
    leg.push(played);
  }
}

beforeEach(() => {
  inside = new FakeLeg();
  leg = new MeteredLeg(inside);
  leg.watch('on');
});

describe('one-way audio', () => {
  it('is a party that is spoken to and of which nothing comes', () => {
    run(10_000, null, SPEECH);
    expect(leg.sound.oneWayMs).toBe(0);
    run(5000, null, SPEECH);
    expect(leg.sound.oneWayMs).toBe(5000);
  });

  it('is not a party that listens', () => {
    run(60_000, BREATH, SPEECH);
    expect(leg.sound.oneWayMs).toBe(0);
  });

  it('is not one that nobody speaks to', () => {
    run(60_000, null, SILENCE);
    expect(leg.sound.oneWayMs).toBe(0);
  });

  it('ends with the first sound', () => {
    run(20_000, null, SPEECH);
    run(20, BREATH, SPEECH);
    run(9000, null, SPEECH);
    expect(leg.sound.oneWayMs).toBe(10_000);
  });
});

describe('dead air', () => {
  it('is when nobody says anything for long', () => {
    run(8000, BREATH, SILENCE);
    expect(leg.sound.deadAirMs).toBe(2000);
    run(20, SPEECH, SILENCE);
    run(6000, BREATH, SILENCE);
    run(20, BREATH, SPEECH);
    run(6000, BREATH, SILENCE);
    expect(leg.sound.deadAirMs).toBe(2000);
  });

  it('is not the silence before the answer or on hold', () => {
    leg.watch('off');
    run(30_000, null, SILENCE);
    leg.watch('on');
    run(5000, null, SILENCE);
    expect(leg.sound).toMatchObject({ deadAirMs: 0, oneWayMs: 0 });
  });
});

describe('levels', () => {
  it('are of both directions', () => {
    run(200, SPEECH, tone(300, FRAME_SAMPLES, 8000));
    const { heardDbfs, playedDbfs, heardPeakDbfs } = leg.sound;
    expect((playedDbfs ?? 0) - (heardDbfs ?? 0)).toBeCloseTo(6, 0);
    expect((heardPeakDbfs ?? 0) - (heardDbfs ?? 0)).toBeCloseTo(3, 0);
  });
});

describe('the leg inside', () => {
  it('is what one sees from outside', () => {
    const listener = { digit: () => undefined, closed: () => undefined };
    leg.listener = listener;
    expect(inside.listener).toBe(listener);
    run(40, SPEECH, BREATH);
    expect(inside.played).toEqual([BREATH, BREATH]);
    expect(leg).toMatchObject({ id: inside.id, codec: 'slin16', wireRateHz: 16_000 });
    expect(leg.playout).toBe(inside.playout);
    expect(leg.describe()).toEqual(['fake']);
  });
});
