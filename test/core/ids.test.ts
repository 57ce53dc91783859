import { describe, expect, it } from 'vitest';
import { isOwnId, newBridgeId, newChannelId, newLegId, parseLegId } from '../../src/core/ids.js';

describe('ids', () => {
  it('of ours are told from those of a PBX whose name begins alike', () => {
    // An Asterisk with systemname = linecard-demo names its channels like this: they were taken for media channels of ours,
    // so no caller was ever offered.
    expect(isOwnId('linecard-demo-1795234342.1')).toBe(false);
    expect(isOwnId(newChannelId())).toBe(true);
    expect(isOwnId(newBridgeId())).toBe(true);
  });

  it('of legs are read in any case and refused when they are none', () => {
    const legId = newLegId();
    expect(parseLegId(legId.toUpperCase())).toBe(legId);
    expect(parseLegId('7000')).toBeNull();
  });
});
