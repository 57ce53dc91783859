// An agent in twenty lines, speaking Linecard's own protocol: greets with a tone, says back what it hears, transfers at 1.
//   node examples/websocket-echo-agent.mjs 9001
//   agents: { remote: { provider: websocket, url: "ws://127.0.0.1:9001/agent", turnTaking: agent } }
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2] ?? 9001) });
const tone = Int16Array.from({ length: 8000 }, (_, i) => 6000 * Math.sin((2 * Math.PI * 440 * i) / 16000));

server.on('listening', () => console.log(`echo agent on ws://127.0.0.1:${server.address().port}/agent`));

server.on('connection', (socket) => {
  const tell = (message) => socket.send(JSON.stringify(message));
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.send(data);
    const message = JSON.parse(data);
    if (message.type === 'start') console.log(`call from ${message.call.caller.number}`);
    if (message.type === 'answered') socket.send(tone);
    if (message.type === 'digit' && message.digit === '1')
      tell({ type: 'tool', id: '1', name: 'transfer', input: { to: 'sales' } });
    if (message.type === 'digit' && message.digit === '#') tell({ type: 'done', reason: 'the caller pressed #' });
  });
});
