/** How calls get to Linecard. */
export type Door = 'ari' | 'dialplan' | 'freeswitch';

export type InitAnswers = {
  readonly door: Door;
  /** The number that people dial. */
  readonly extension: string;
  /** The number of a person, for when the AI cannot serve. */
  readonly fallback: string;
  readonly ariUrl: string;
  readonly ariUsername: string;
  /** FreeSWITCH's event socket. */
  readonly eslHost: string;
  readonly greeting: string;
};

/** What is written when nobody can be asked. */
export const DEFAULT_ANSWERS: InitAnswers = {
  door: 'ari',
  extension: '7000',
  fallback: '6001',
  ariUrl: 'http://127.0.0.1:8088',
  ariUsername: 'linecard',
  eslHost: '127.0.0.1',
  greeting: 'Thank you for calling. How can I help you?',
};

/** A `linecard.yaml` that works once its password is in the environment, with a word on each part. */
export function configTemplate(answers: InitAnswers): string {
  const { door, extension, fallback, ariUrl, ariUsername, eslHost, greeting } = answers;
  const asterisk = `pbx:
  - kind: asterisk
    name: main
    ari:
      url: ${JSON.stringify(ariUrl)}
      username: ${JSON.stringify(ariUsername)}
      password: \${ARI_PASSWORD}        # from the environment, so that this file holds no secret
    app: linecard                     # as in Stasis(linecard) in the dialplan`;
  const freeswitch = `pbx:
  - kind: freeswitch
    name: main
    esl:                              # event_socket.conf.xml
      host: ${JSON.stringify(eslHost)}
      port: 8021
      password: \${ESL_PASSWORD}        # from the environment, so that this file holds no secret
    unicast: { host: 127.0.0.1, ports: [20000, 20999] }   # the sound of calls; the host as FreeSWITCH sees this machine
    socket: { host: 127.0.0.1, port: 8084 }               # linecard_address in the dialplan
    app: linecard                     # linecard_app in the dialplan`;
  const pbx: Readonly<Record<Door, string>> = { ari: asterisk, dialplan: commented(asterisk), freeswitch };
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

# Your PBX, controlled ${door === 'freeswitch' ? 'over its event socket' : 'through ARI'}: answers, transfers, holds.
${pbx[door]}

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

# The only places an agent may send a caller to. "warm": a person is told in private who calls, and takes the caller or declines.
destinations:
  reception: { dial: ${JSON.stringify(fallback)}, label: Reception${door === 'dialplan' ? '' : ', mode: warm'} }

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

/** The lines for the dialplan, as the files of `dialplan/` have them with comments; for FreeSWITCH those at the top of the file. */
export function dialplanLines(answers: InitAnswers): string {
  const { door, extension, fallback } = answers;
  if (door === 'freeswitch') {
    const settings = { number: pattern(extension), address: '127.0.0.1:8084', fallback };
    return Object.entries(settings)
      .map(([name, value]) => `<X-PRE-PROCESS cmd="set" data="linecard_${name}=${value}"/>`)
      .join('\n');
  }
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

/** FreeSWITCH compares numbers with regular expressions. */
function pattern(number: string): string {
  return number.replaceAll(/[*+.]/g, '\\$&');
}

function commented(text: string): string {
  return text.replaceAll(/^/gm, '# ');
}
