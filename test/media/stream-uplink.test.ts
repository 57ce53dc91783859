import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { FRAME_AUDIO, FRAME_SILENCE } from '../../src/media/leg.js';
import { StreamUplink } from '../../src/media/stream-uplink.js';
import { noCounters } from '../support/playout-run.js';
import { rms } from '../support/signals.js';

/** A tone as it is on the wire: 20 ms chunks of s16 little endian, three bytes into a larger buffer. */
function wireTone(rateHz: number, chunk: number, amplitude = 8000): Uint8Array {
  const samples = rateHz / 50;
  const bytes = new Uint8Array(3 + samples * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < samples; i++) {
    const angle = (2 * Math.PI * 400 * (chunk * samples + i)) / rateHz;
    view.setInt16(3 + 2 * i, Math.round(amplitude * Math.sin(angle)), true);
  }
  return bytes;
}

describe('the way up', () => {
  it('makes frames of 16 kHz of every rate of the wire', () => {
    for (const rateHz of [8000, 12_000, 16_000, 24_000, 44_100, 48_000, 192_000] as const) {
      const uplink = new StreamUplink(rateHz, noCounters());
      const frame = new Int16Array(FRAME_SAMPLES);
      for (let n = 0; n < 20; n++) {
        const bytes = wireTone(rateHz, n);
        uplink.push(bytes, 3, bytes.length - 3, n * 20 + 5);
        const kind = uplink.pull(frame, n * 20 + 10);
        if (n > 1) expect(kind, `${rateHz} Hz`).toBe(FRAME_AUDIO);
      }
      expect(Math.abs(rms(frame) / (8000 / Math.SQRT2) - 1), `${rateHz} Hz`).toBeLessThan(0.01);
    }
  });

  it('says what it is made of', () => {
    expect(new StreamUplink(8000, noCounters()).describe()).toHaveLength(4);
    expect(new StreamUplink(16_000, noCounters()).describe()[0]).toContain('elastic FIFO');
  });

  it('counts a chunk without samples as lost, and cuts one that is too long', () => {
    const counters = noCounters();
    const uplink = new StreamUplink(8000, counters);
    uplink.push(new Uint8Array(0), 0, 0, 0);
    expect(counters.lost).toBe(1);
    expect(uplink.pull(new Int16Array(FRAME_SAMPLES), 0)).toBe(FRAME_SILENCE);
    uplink.push(new Uint8Array(8000), 0, 8000, 0);
    expect(uplink.depthMs).toBe(60);
  });

  it('counts what does not fit into 16 bits after resampling', () => {
    const counters = noCounters();
    const uplink = new StreamUplink(8000, counters);
    const square = new Uint8Array(Int16Array.from({ length: 160 }, (_, i) => (i % 8 < 4 ? 32_767 : -32_768)).buffer);
    for (let n = 0; n < 5; n++) uplink.push(square, 0, square.length, n * 20);
    expect(counters.clippedSamples).toBeGreaterThan(0);
  });
});
