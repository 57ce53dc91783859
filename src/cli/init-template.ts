/** How calls get to Linecard. */
export type Door = 'ari' | 'dialplan';

export type InitAnswers = {
  readonly door: Door;
  /** The number that people dial. */
  readonly extension: string;
  /** The number of a person, for when the AI cannot serve. */
  readonly fallback: string;
  readonly ariUrl: string;
  readonly ariUsername: string;
  readonly greeting: string;
};

/** What is written when nobody can be asked. */
export const DEFAULT_ANSWERS: InitAnswers = {
  door: 'ari',
  extension: '7000',
  fallback: '6001',
  ariUrl: 'http://127.0.0.1:8088',
  ariUsername: 'linecard',
  greeting: 'Thank you for calling. How can I help you?',
};

/** A `linecard.yaml` that works once its password is in the environment, with a word on each part. */
export function configTemplate(answers: InitAnswers): string {
  const { door, extension, fallback, ariUrl, ariUsername, greeting } = answers;
  const pbx = `pbx:
  - kind: asterisk
    name: main
    ari:
      url: ${JSON.stringify(ariUrl)}
      username: ${JSON.stringify(ariUsername)}
      password: \${ARI_PASSWORD}        # from the environment, so that this file holds no secret
    app: linecard                     # as in Stasis(linecard) in the dialplan`;
  return `# Linecard. Every key is told in docs/configuration.md; "npx linecard doctor" finds what is missing.

# The web page and the API. Without "token" one is made and kept in dataDir/token.
http: { host: 127.0.0.1, port: 8080 }

# Messages that callers leave, and the token.
dataDir: ./data

# Where the PBX brings the audio. Only peers in "allow" are let in.
audiosocket:
  host: 127.0.0.1
  port: 9092
  allow: [127.0.0.0/8]
${door === 'dialplan' ? '' : '  # '}  direct: receptionist              # the agent of calls that come by AudioSocket() in the dialplan alone

# Your PBX, controlled through ARI: answers, transfers, holds.
${door === 'ari' ? pbx : commented(pbx)}

agents:
  receptionist:
    provider: embedded                # speaks and listens on this machine, without an account
    greeting: ${JSON.stringify(greeting)}
    tools: [transfer, take_message, hours, hangup]
  echo:
    provider: echo                    # gives back what it hears, for measuring

# What is dialled, and where the caller goes when the AI cannot serve.
extensions:
  ${JSON.stringify(extension)}: { agent: receptionist, fallback: ${JSON.stringify(fallback)} }

# The only places an agent may send a caller to.
destinations:
  reception: { dial: ${JSON.stringify(fallback)}, label: Reception }

# Calls from the browser: from the web page at http.port, and from your site with the widget (docs/browser.md).
# webrtc:
#   enabled: true
#   origins: ["https://www.example.com"]   # sites whose pages may call

# What the agent says when it is asked for opening hours.
# hours:
#   timezone: Europe/Berlin
#   open:
#     - { days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00" }
`.replace('  #   direct', '  # direct');
}

/** The lines for the dialplan, as `dialplan/asterisk/linecard.conf` has them with comments. */
export function dialplanLines(answers: InitAnswers): string {
  const { door, extension, fallback } = answers;
  const human = `\${CONTEXT},${fallback},1`;
  if (door === 'ari') {
    return `exten => ${extension},1,Stasis(linecard)
 same => n,GotoIf($["\${STASISSTATUS}" = "FAILED"]?${human})
 same => n,Hangup()`;
  }
  return `exten => ${extension},1,Answer()
 same => n,Set(LINECARD_CALL=\${UUID()})
 same => n,TryExec(AudioSocket(\${LINECARD_CALL},127.0.0.1:9092))
 same => n,GotoIf($["\${TRYSTATUS}" != "SUCCESS"]?${human})
 same => n,TryExec(AudioSocket(00000000\${LINECARD_CALL:8},127.0.0.1:9092))
 same => n,GotoIf($["\${TRYSTATUS}" != "SUCCESS"]?${human})
 same => n,Hangup()`;
}

function commented(text: string): string {
  return text.replaceAll(/^/gm, '# ');
}
