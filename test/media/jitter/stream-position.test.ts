import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamPosition } from '../../../src/media/jitter/stream-position.js';

const SSRC = 7;

describe('the position in a stream', () => {
  it('is counted on beyond 16 and 32 bits, whatever the first numbers are and whatever is lost or swapped', () => {
    const starts = fc.record({
      sequenceNumber: fc.integer({ min: 0, max: 0xffff }),
      timestamp: fc.integer({ min: 0, max: 0xffffffff }),
    });
    const steps = fc.array(fc.integer({ min: -20, max: 200 }), { maxLength: 2000 });
    fc.assert(
      fc.property(starts, steps, (start, moves) => {
        const position = new StreamPosition();
        position.place({ ssrc: SSRC, ...start });
        const first = { sequence: position.sequence, timestamp: position.timestamp };
        let at = 0;
        for (const move of moves) {
          at += move;
          const header = {
            sequenceNumber: (start.sequenceNumber + at) & 0xffff,
            timestamp: (start.timestamp + at * 960) >>> 0,
          };
          expect(position.place({ ssrc: SSRC, ...header })).toBe('continued');
          expect(position.sequence - first.sequence).toBe(at);
          expect(position.timestamp - first.timestamp).toBe(at * 960);
        }
      }),
    );
  });

  it('begins anew with another SSRC, when a second packet of it comes', () => {
    const position = new StreamPosition();
    expect(position.place({ ssrc: 1, sequenceNumber: 10, timestamp: 0 })).toBe('continued');
    expect(position.place({ ssrc: 2, sequenceNumber: 500, timestamp: 9000 })).toBe('strange');
    expect(position.place({ ssrc: 1, sequenceNumber: 11, timestamp: 960 })).toBe('continued');
    expect(position.place({ ssrc: 2, sequenceNumber: 501, timestamp: 9960 })).toBe('strange');
    expect(position.place({ ssrc: 2, sequenceNumber: 502, timestamp: 10_920 })).toBe('restarted');
    expect(position.place({ ssrc: 2, sequenceNumber: 503, timestamp: 11_880 })).toBe('continued');
    expect(position.timestamp).toBe(11_880);
  });

  it('begins anew when a sender restarts under the same SSRC, and not for one stray packet', () => {
    const position = new StreamPosition();
    position.place({ ssrc: SSRC, sequenceNumber: 10, timestamp: 0 });
    expect(position.place({ ssrc: SSRC, sequenceNumber: 40_000, timestamp: 5 })).toBe('strange');
    expect(position.place({ ssrc: SSRC, sequenceNumber: 11, timestamp: 960 })).toBe('continued');
    expect(position.place({ ssrc: SSRC, sequenceNumber: 30_000, timestamp: 5 })).toBe('strange');
    expect(position.place({ ssrc: SSRC, sequenceNumber: 30_001, timestamp: 965 })).toBe('restarted');
  });
});
