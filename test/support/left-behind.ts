import type { TestAsterisk } from './asterisk.js';

/** What `GET /channels` and `GET /bridges` of ARI tell: an empty list when nothing is left. */
export async function leftovers(asterisk: TestAsterisk): Promise<string[]> {
  const { username, password } = asterisk.config.ari;
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const list = async (kind: 'channels' | 'bridges'): Promise<string[]> => {
    const response = await fetch(`${asterisk.ariUrl}/ari/${kind}`, { headers: { authorization } });
    const found = (await response.json()) as { readonly id: string; readonly name: string }[];
    return found.map(({ id, name }) => `${kind}: ${name} ${id}`);
  };
  return [...(await list('channels')), ...(await list('bridges'))];
}
