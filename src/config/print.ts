import { stringify } from 'yaml';
import type { ConfigPath } from './mistakes.js';
import type { Config } from './schema.js';
import { configSchema } from './schema.js';
import { isSecret, schemaAt } from './shape.js';

/** What stands for a secret, whatever its length. */
export const MASK = '********';

/** The configuration as YAML, every default filled in and every secret masked. */
export function printConfig(config: Config): string {
  return stringify(masked(config, [], config), { lineWidth: 0 });
}

/** What the file asks for and this version does not do; sentences for `/readyz`, the log and `linecard doctor`. */
export function configNotices(config: Config): string[] {
  const notices: string[] = [];
  const { enabled, icePolicy, iceServers } = config.webrtc;
  const relays = iceServers.filter(({ urls }) => urls.some((url) => /^turns?:/.test(url)));
  if (enabled && icePolicy === 'relay' && relays.length === 0)
    notices.push('webrtc: icePolicy is relay and iceServers has no turn: address: no browser call can come');
  const noDoor = Object.keys(config.extensions).length === 0 && config.audiosocket.direct === undefined;
  if (noDoor && !enabled) notices.push('neither extensions nor audiosocket.direct is set: no call reaches an agent');
  return notices;
}

function masked(value: unknown, path: ConfigPath, tree: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, index) => masked(item, [...path, index], tree));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item, [...path, key], tree)]));
  }
  return value !== undefined && isSecret(schemaAt(configSchema, path, tree)) ? MASK : value;
}
