// A server of tools on stdin and stdout, without the SDK: it checks what it is sent, and misbehaves when it is asked to.
import { createInterface } from 'node:readline';

const [, , mode = ''] = process.argv;
const empty = { type: 'object', properties: {} };
const tools = [
  {
    name: 'echo',
    description: 'Says it again.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  },
  { name: 'variable', description: 'Tells a variable of its environment.', inputSchema: empty },
  { name: 'pid', description: 'Tells which process it is.', inputSchema: empty },
  { name: 'fail', description: 'Refuses.', inputSchema: empty },
  { name: 'long', description: 'Never comes to an end.', inputSchema: empty },
  { name: 'nonsense', description: 'Answers what is no answer, then one.', inputSchema: empty },
  { name: 'hang', description: 'Does nothing any more.', inputSchema: empty },
  { name: 'slow', description: 'Takes its time.', inputSchema: empty },
  { name: 'die', description: 'Ends.', inputSchema: empty },
];
let hangs = false;

function send(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function text(id, value, isError = false) {
  send({ id, result: { content: [{ type: 'text', text: value }], isError } });
}

function call(id, name, input) {
  switch (name) {
    case 'echo':
      return text(id, String(input.text));
    case 'variable':
      return text(
        id,
        JSON.stringify({ token: process.env.TOKEN ?? null, inherited: process.env.LINECARD_SECRET ?? null }),
      );
    case 'pid':
      return text(id, String(process.pid));
    case 'fail':
      return text(id, 'there is no such order', true);
    case 'long':
      return text(id, 'x'.repeat(100_000));
    case 'nonsense':
      process.stdout.write('this is not JSON\n{"jsonrpc":"2.0","id":"nobody","result":{}}\n');
      return text(id, 'all the same');
    case 'slow':
      return undefined;
    case 'hang':
      hangs = true;
      return undefined;
    case 'die':
      process.stderr.write('out of paper\n');
      return process.exit(3);
    default:
      return send({ id, error: { code: -32602, message: `unknown tool ${name}` } });
  }
}

if (mode === 'dead') process.exit(1);
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (hangs) return;
  if (method === 'initialize') {
    const { protocolVersion, clientInfo } = params;
    if (clientInfo.name !== 'linecard') process.exit(4);
    send({
      id,
      result: {
        protocolVersion,
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'fake', version: '1' },
      },
    });
  } else if (method === 'tools/list') send({ id, result: { tools } });
  else if (method === 'ping') send({ id, result: {} });
  else if (method === 'tools/call') call(id, params.name, params.arguments);
});
