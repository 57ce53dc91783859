/** The element's style. A host page changes it by the variables that begin with --linecard. */
export const STYLE = `
:host { display: block; max-width: 30rem; font: 1rem/1.5 var(--linecard-font, system-ui, sans-serif); color: var(--_ink);
  --_accent: var(--linecard-accent, #1b6e53); --_on-accent: var(--linecard-on-accent, #fff); --_danger: var(--linecard-danger, #b23b2e);
  --_on-danger: var(--linecard-on-danger, #fff); --_wait: #a8690a;
  --_ink: var(--linecard-ink, #1d2733); --_soft: var(--linecard-soft, #5b6673); --_line: var(--linecard-line, #d9dee4);
  --_ground: var(--linecard-ground, #fff); --_radius: var(--linecard-radius, .75rem); }
@media (prefers-color-scheme: dark) { :host { --_accent: var(--linecard-accent, #4cc39a); --_on-accent: var(--linecard-on-accent, #0c1713);
  --_danger: var(--linecard-danger, #ec8b7d); --_on-danger: var(--linecard-on-danger, #2a0f0b); --_wait: #e5b567;
  --_ink: var(--linecard-ink, #e6eaef); --_soft: var(--linecard-soft, #9aa6b2);
  --_line: var(--linecard-line, #323c47); --_ground: var(--linecard-ground, #1a2027); } }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
section { display: grid; gap: .9rem; padding: 1.15rem; background: var(--_ground); border: 1px solid var(--_line); border-radius: var(--_radius); }
header { display: flex; align-items: baseline; gap: .35rem .75rem; flex-wrap: wrap; }
h2 { margin: 0; margin-right: auto; font-size: 1.1rem; font-weight: 600; overflow-wrap: anywhere; }
.status { margin: -.6rem 0 0; color: var(--_soft); display: flex; align-items: center; gap: .5rem; }
.status::before { content: ""; flex: none; width: .55rem; height: .55rem; border-radius: 50%; background: var(--_line); }
[data-phase=talking] .status::before, [data-phase=connected] .status::before { background: var(--_accent); }
:is([data-phase=asking], [data-phase=connecting], [data-phase=held], [data-phase=transferring], [data-phase=reconnecting]) .status::before {
  background: var(--_wait); }
@media (prefers-reduced-motion: no-preference) {
  :is([data-phase=asking], [data-phase=connecting], [data-phase=transferring], [data-phase=reconnecting]) .status::before {
    animation: pulse 1.2s ease-in-out infinite alternate; } }
@keyframes pulse { to { opacity: .25; } }
.quality, .timer { color: var(--_soft); font-size: .85rem; white-space: nowrap; }
.timer { font-variant-numeric: tabular-nums; }
.quality[data-rating=poor] { color: var(--_danger); }
.keys { display: flex; flex-wrap: wrap; gap: .5rem; }
button { font: inherit; color: var(--_ink); background: transparent; border: 1px solid var(--_line); border-radius: calc(var(--_radius) * .7);
  min-height: 2.75rem; padding: .35rem .85rem; white-space: nowrap; cursor: pointer; touch-action: manipulation; }
button:hover { border-color: var(--_soft); }
button:focus-visible, .captions:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
button[data-on], button[aria-expanded=true] { border-color: var(--_accent); color: var(--_accent); }
.main { flex: 1 1 6.5rem; background: var(--_accent); border-color: transparent; color: var(--_on-accent); font-weight: 600; }
.main:hover { border-color: transparent; filter: brightness(1.06); }
.main[data-does=hang-up] { background: var(--_danger); color: var(--_on-danger); }
.pad { display: grid; grid-template-columns: repeat(3, 1fr); gap: .4rem; }
.pad button { font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.pressed:empty { display: none; }
.pressed { grid-column: 1 / -1; text-align: center; letter-spacing: .15em; color: var(--_soft); overflow: hidden;
  font-variant-numeric: tabular-nums; }
.levels { display: grid; grid-template-columns: auto 1fr; gap: .25rem .75rem; align-items: center; color: var(--_soft); font-size: .85rem; }
.bar { height: .4rem; border-radius: .2rem; background: var(--_line); overflow: hidden; }
.bar i { display: block; height: 100%; width: 100%; background: var(--_accent); transform: scaleX(0); transform-origin: left; }
@media (forced-colors: active) { .bar, .bar i { forced-color-adjust: none; background: GrayText; } .bar i { background: Highlight; } }
.error { margin: 0; padding: .6rem .75rem; border-left: 3px solid var(--_danger); color: var(--_ink); }
.captions { border-top: 1px solid var(--_line); padding: .9rem 0 2px; max-height: 20rem; overflow-y: auto; overscroll-behavior: contain; }
ol { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
[role=log]:has(li) + ol:not(:empty) { margin-top: .5rem; }
li { justify-self: start; max-width: 88%; padding: .45rem .75rem; border: 1px solid var(--_line); border-radius: calc(var(--_radius) * .9);
  border-bottom-left-radius: .15rem; overflow-wrap: anywhere; }
li[data-who=caller] { justify-self: end; border-color: transparent; background: color-mix(in srgb, var(--_accent) 14%, transparent);
  border-bottom-left-radius: calc(var(--_radius) * .9); border-bottom-right-radius: .15rem; }
li b { display: block; font-size: .75rem; font-weight: 600; line-height: 1.3; color: var(--_soft); }
li[data-goes-on] b { display: none; }
li[data-who=caller] b { color: var(--_accent); }
li small { color: var(--_soft); }
[aria-hidden] li { opacity: .7; }
[hidden] { display: none !important; }
`;
