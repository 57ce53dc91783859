// What the demo PBX container runs: Asterisk, set up as `npm start` does, and nothing else.
const { demoPbxCommand } = await import('../dist/cli/demo.js');
process.exitCode = await demoPbxCommand();
