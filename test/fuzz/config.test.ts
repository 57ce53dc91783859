import { describe, expect } from 'vitest';
import { readConfigText } from '../../src/config/read.js';
import { damaged, fuzz } from '../support/fuzz.js';

const SAMPLE = `http: { host: 127.0.0.1, port: 8080, token: \${LINECARD_TOKEN} }
dataDir: ./data
audiosocket: { host: 127.0.0.1, port: 9092, allow: [127.0.0.0/8], direct: receptionist }
media: { threads: 1 }
pbx:
  - { kind: asterisk, name: main, ari: { url: "http://127.0.0.1:8088", username: linecard, password: x }, app: linecard }
agents:
  receptionist: { provider: embedded, greeting: "Thank you for calling Acme.", tools: [transfer, hangup] }
  loop: { provider: echo }
extensions:
  "7000": { agent: receptionist, fallback: "6001" }
destinations:
  sales: { dial: "6001", label: "Sales" }
webrtc: { enabled: true, iceServers: [], icePolicy: all }
`;

describe('a configuration file with anything wrong in it', () => {
  fuzz('is taken, or every mistake is a sentence', damaged([SAMPLE]), (source) => {
    const reading = readConfigText(source, { env: { LINECARD_TOKEN: 'secret' }, cwd: '/' });
    if (reading.ok) return;
    expect(reading.mistakes.length).toBeGreaterThan(0);
    for (const { message } of reading.mistakes) expect(message).not.toBe('');
  });
});
