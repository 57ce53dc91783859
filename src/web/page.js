import './element.js';

/**
 * @typedef {{ name: string, number: string }} Caller
 * @typedef {{ state: string, startedAt: string, caller: Caller, transport: string, extension: string | null, agent: string,
 *   turns: readonly { text: string }[], outcome: { result: string, reason: string } | null }} Call
 * @typedef {{ name: string, state: string, cause: string, label: string | null, changesAt: string | null }} Schedule
 */

const REFRESH_MS = 2000;
const SOON_MS = 300;
const TOKEN_KEY = 'linecard-token';

/**
 * @template {HTMLElement} Type
 * @param {string} id
 * @param {new () => Type} type
 */
function find(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${id}`);
  return element;
}

const state = find('state', HTMLElement);
const hint = find('hint', HTMLElement);
const live = find('live', HTMLTableElement);
const ended = find('ended', HTMLTableElement);
const schedules = find('schedules', HTMLTableElement);
const token = find('token', HTMLInputElement);
const agent = find('agent', HTMLSelectElement);
const call = find('call', HTMLElement);

token.value = sessionStorage.getItem(TOKEN_KEY) ?? '';
token.addEventListener('input', () => {
  sessionStorage.setItem(TOKEN_KEY, token.value.trim());
  void refresh();
});
agent.addEventListener('change', chooseAgent);
call.addEventListener('linecard-phase', () => {
  const { phase } = /** @type {import('./element.js').LinecardCall} */ (call);
  agent.disabled = phase !== 'idle' && phase !== 'ended';
  void refresh();
  // The bridge hears of a hang-up when we know of it already.
  if (phase === 'ended') setTimeout(() => void refresh(), SOON_MS);
});

function chooseAgent() {
  call.setAttribute('agent', agent.value);
  call.setAttribute('label', agent.selectedOptions[0]?.text ?? agent.value);
}

/**
 * As a person would write it.
 * @param {string} name
 */
function titleOf(name) {
  const words = name.replaceAll(/[_-]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

async function showAgents() {
  const answer = await fetch('/v1/webrtc');
  find('no-browsers', HTMLElement).hidden = answer.ok;
  if (!answer.ok) return;
  const { agents } = /** @type {{ agents: { name: string }[] }} */ (await answer.json());
  for (const { name } of agents) agent.add(new Option(titleOf(name), name));
  chooseAgent();
  find('try', HTMLElement).hidden = agents.length === 0;
}

async function refreshState() {
  const answer = await fetch('/readyz');
  const { reasons, limitations } = /** @type {{ reasons: string[], limitations: string[] }} */ (await answer.json());
  showState(answer.ok ? 'Ready for calls' : reasons.join('; '), answer.ok);
  find('limitations', HTMLElement).textContent = limitations.join('; ');
}

/**
 * A screen reader says a text again that is set again.
 * @param {string} text
 * @param {boolean} isGood
 */
function showState(text, isGood) {
  if (state.textContent !== text) state.textContent = text;
  state.className = isGood ? 'good' : 'bad';
}

async function refreshCalls() {
  const given = token.value.trim();
  if (given === '') {
    hint.textContent =
      'The token is http.token of the configuration, or in the file "token" of the data directory. With it you see all calls.';
    show(live, [], () => undefined);
    show(ended, [], () => undefined);
    return;
  }
  const answer = await fetch('/v1/calls?limit=20', { headers: { Authorization: `Bearer ${given}` } });
  if (answer.status === 401) {
    hint.textContent = 'This token is not the right one.';
    return;
  }
  const { calls } = /** @type {{ calls: Call[] }} */ (await answer.json());
  const now = calls.filter((each) => each.state !== 'ended');
  hint.textContent = now.length === 0 ? 'No call at the moment.' : '';
  show(live, now, (row, each) => {
    addCommon(row, each);
    addCell(row, each.state);
    addCell(row, each.turns.at(-1)?.text ?? '', 'said');
  });
  show(
    ended,
    calls.filter((each) => each.state === 'ended'),
    (row, each) => {
      addCommon(row, each);
      addCell(row, each.outcome?.result ?? '', each.outcome?.result === 'failed' ? 'bad' : '');
      addCell(row, each.outcome?.reason ?? '', 'said');
    },
  );
}

const CAUSES = { timetable: 'timetable', exception: 'holiday or exception', override: 'set by hand' };

async function refreshSchedules() {
  const given = token.value.trim();
  const answer = given === '' ? null : await fetch('/v1/schedules', { headers: { Authorization: `Bearer ${given}` } });
  /** @type {readonly Schedule[]} */
  let list = [];
  if (answer?.ok === true) ({ schedules: list } = /** @type {{ schedules: Schedule[] }} */ (await answer.json()));
  show(schedules, list, (row, { name, state: now, cause, label, changesAt }) => {
    addCell(row, name);
    addCell(row, now, now === 'open' ? 'good' : '');
    addCell(row, label ?? CAUSES[/** @type {keyof typeof CAUSES} */ (cause)]);
    addCell(
      row,
      changesAt === null ? '' : new Date(changesAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }),
    );
  });
  find('hours', HTMLElement).hidden = list.length === 0;
}

/**
 * @param {HTMLTableRowElement} row
 * @param {Call} each
 */
function addCommon(row, each) {
  const { name, number } = each.caller;
  addCell(row, new Date(each.startedAt).toLocaleTimeString([], { timeStyle: 'short' }));
  addCell(
    row,
    [name, number].filter((text) => text !== '').join(', ') || (each.transport === 'webrtc' ? 'visitor' : 'unknown'),
  );
  addCell(row, each.extension ?? { webrtc: 'browser', audiosocket: 'dialplan' }[each.transport] ?? each.transport);
  addCell(row, each.agent);
}

/**
 * Every text from outside goes in as text.
 * @param {HTMLTableRowElement} row
 * @param {string} text
 */
function addCell(row, text, className = '') {
  const cell = row.insertCell();
  cell.textContent = text;
  cell.className = className;
}

/**
 * @template Row
 * @param {HTMLTableElement} table
 * @param {readonly Row[]} rows
 * @param {(row: HTMLTableRowElement, each: Row) => void} fill
 */
function show(table, rows, fill) {
  const [body] = table.tBodies;
  const fresh = document.createElement('tbody');
  for (const each of rows) fill(fresh.insertRow(), each);
  // Who reads or selects in it is not disturbed by what has not changed.
  if (body !== undefined && body.innerHTML !== fresh.innerHTML) body.replaceWith(fresh);
  table.hidden = rows.length === 0;
}

let running = false;

async function refresh() {
  if (running) return;
  running = true;
  try {
    await refreshState();
    await refreshCalls();
    await refreshSchedules();
  } catch {
    showState('Linecard does not answer.', false);
  } finally {
    running = false;
  }
}

showAgents().catch(() => undefined); // the state says that nobody answers
void refresh();
setInterval(() => void refresh(), REFRESH_MS);
