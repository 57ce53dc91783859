import { z } from 'zod';
import { section, text, textLike, url } from '../fields.js';
import { name } from '../names.js';

/** An Asterisk that is controlled through ARI. */
export const asteriskPbx = section({
  kind: z.literal('asterisk'),
  name,
  ari: section({
    url: url(['http', 'https'], 'http://127.0.0.1:8088'),
    username: text(100),
    password: text(200, 'secret'),
  }),
  /** The name after `Stasis(` in the dialplan. */
  app: textLike(/^[A-Za-z0-9_-]{1,64}$/, 'a word of letters, digits, - and _').default('linecard'),
});

export type AsteriskConfig = z.output<typeof asteriskPbx>;
