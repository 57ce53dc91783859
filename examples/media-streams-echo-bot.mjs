// A bot in twenty lines: says back what it hears, hangs up at #. It speaks Twilio Media Streams, so it works behind Twilio as well.
//   node examples/media-streams-echo-bot.mjs 9000
//   agents: { mybot: { provider: media-streams, url: "ws://127.0.0.1:9000/media" } }
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2] ?? 9000) });

server.on('listening', () => console.log(`echo bot on ws://127.0.0.1:${server.address().port}/media`));

server.on('connection', (socket) => {
  socket.on('message', (text) => {
    const { event, streamSid, start, media, dtmf } = JSON.parse(text);
    if (event === 'start') console.log(`call from ${start.customParameters.from}`);
    if (event === 'media') {
      socket.send(JSON.stringify({ event: 'media', streamSid, media: { payload: media.payload } }));
    }
    if (event === 'dtmf' && dtmf.digit === '#') socket.close();
  });
});
