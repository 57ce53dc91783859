/** The page's style; its hash is in the page's security policy, so it is written into the page unchanged. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #64707d; --line: #e3e7ec; --ground: #fbfcfd; --good: #1f8a5b; --bad: #b4472f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaef; --soft: #97a3b0; --line: #2a333d; --ground: #14191f; --good: #55c394; --bad: #e58b74; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 3rem 1.5rem; }
h1 { font-size: 1.5rem; font-weight: 600; margin: 0 0 .25rem; }
h2 { font-size: 1rem; font-weight: 600; margin: 2.5rem 0 .75rem; }
p { margin: .25rem 0; color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); }
input { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .4rem; padding: .4rem .6rem; width: 22rem; max-width: 100%; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: .85rem; }
th, td { padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.said { color: var(--soft); }
`;

/** The page's script; as the style. Every text from outside goes in by textContent. */
export const PAGE_SCRIPT = `
const $ = (id) => document.getElementById(id);
const token = $('token');
token.value = sessionStorage.getItem('linecard-token') ?? '';
token.addEventListener('input', () => { sessionStorage.setItem('linecard-token', token.value.trim()); refresh(); });

const cell = (row, text, className) => {
  const td = row.insertCell();
  td.textContent = text ?? '';
  if (className) td.className = className;
};

const show = (table, calls, line) => {
  table.tBodies[0].replaceChildren();
  for (const call of calls) line(table.tBodies[0].insertRow(), call);
  table.hidden = calls.length === 0;
};

const time = (iso) => iso === null ? '' : new Date(iso).toLocaleTimeString();
const caller = (call) => [call.caller.name, call.caller.number].filter(Boolean).join(', ') || 'unknown';

const refreshState = async () => {
  const answer = await fetch('/readyz');
  const state = await answer.json();
  $('state').textContent = answer.ok ? 'Ready: a call can be taken.' : state.reasons.join('; ');
  $('state').className = answer.ok ? 'good' : 'bad';
  $('limitations').textContent = state.limitations.join('; ');
};

const refreshCalls = async () => {
  if (token.value.trim() === '') { $('hint').textContent = 'Enter the token to see calls.'; show($('live'), [], () => {}); show($('ended'), [], () => {}); return; }
  const answer = await fetch('/v1/calls?limit=20', { headers: { Authorization: 'Bearer ' + token.value.trim() } });
  if (answer.status === 401) { $('hint').textContent = 'This token is not the right one.'; return; }
  const { calls } = await answer.json();
  const live = calls.filter((call) => call.state !== 'ended');
  $('hint').textContent = live.length === 0 ? 'No call at the moment.' : '';
  show($('live'), live, (row, call) => {
    cell(row, time(call.startedAt)); cell(row, caller(call)); cell(row, call.extension); cell(row, call.agent); cell(row, call.state);
    cell(row, call.turns.at(-1)?.text, 'said');
  });
  show($('ended'), calls.filter((call) => call.state === 'ended'), (row, call) => {
    cell(row, time(call.startedAt)); cell(row, caller(call)); cell(row, call.extension); cell(row, call.agent);
    cell(row, call.outcome?.result, call.outcome?.result === 'failed' ? 'bad' : ''); cell(row, call.outcome?.reason, 'said');
  });
};

let running = false;
const refresh = async () => {
  if (running) return;
  running = true;
  try { await refreshState(); await refreshCalls(); }
  catch { $('state').textContent = 'Linecard does not answer.'; $('state').className = 'bad'; }
  running = false;
};
refresh();
setInterval(refresh, 2000);
`;

/** The page with its parts in it. */
export function pageHtml(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Linecard</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>Linecard</h1>
<p id="state" role="status">…</p>
<p id="limitations"></p>
<h2><label for="token">Token</label></h2>
<input id="token" type="password" autocomplete="off" spellcheck="false">
<p>It is <code>http.token</code> of the configuration, or in the file <code>token</code> of the data directory.</p>
<h2>Calls now</h2>
<p id="hint"></p>
<table id="live" hidden>
<thead><tr><th>Since</th><th>Caller</th><th>Extension</th><th>Agent</th><th>State</th><th>Last words</th></tr></thead>
<tbody></tbody>
</table>
<h2>Calls of late</h2>
<table id="ended" hidden>
<thead><tr><th>At</th><th>Caller</th><th>Extension</th><th>Agent</th><th>Result</th><th>Why</th></tr></thead>
<tbody></tbody>
</table>
</main>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}
