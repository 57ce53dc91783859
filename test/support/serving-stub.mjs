// Stands for dist/main.js in tests of the supervisor; the first argument, or STUB_MODE, says how it behaves.
const mode = process.argv[2] ?? process.env.STUB_MODE ?? 'serve';
if (mode === 'config') process.exit(78);
if (mode === 'crash') process.exit(1);
process.on('SIGTERM', () => {
  if (mode !== 'deaf') process.exit(0);
});
process.on('disconnect', () => process.exit(0));
// `beating` answers the supervisor's signs of life.
if (mode === 'beating') process.on('message', (beat) => process.send(beat));
process.send({ kind: 'ready', ...(mode === 'beating' ? { beats: 'answered' } : {}) });
setInterval(() => undefined, 60_000);
