// Calls an agent without WebRTC: says what is in a WAV file (mono, 16 bit, 16 kHz) and writes down what is heard.
//
//   node examples/call-by-websocket.mjs ws://127.0.0.1:8080/v1/ws/receptionist question.wav answer.raw
//
// LINECARD_TOKEN is http.token of the configuration, or in the file "token" of the data directory.
import { createWriteStream, readFileSync } from 'node:fs';
import { WebSocket } from 'ws';

const [url, question, answer] = process.argv.slice(2);
const FRAME_BYTES = 640; // 20 ms
const speech = readFileSync(question).subarray(44);
const heard = createWriteStream(answer);
const call = new WebSocket(url, { headers: { Authorization: `Bearer ${process.env.LINECARD_TOKEN}` } });

call.on('open', () => {
  const startedAt = Date.now();
  let at = 0;
  const timer = setInterval(() => {
    // By the clock and not by the timer, which is late now and then.
    while (at < speech.length && at < ((Date.now() - startedAt) / 20) * FRAME_BYTES) {
      call.send(speech.subarray(at, at + FRAME_BYTES));
      at += FRAME_BYTES;
    }
  }, 20);
  call.on('close', () => clearInterval(timer));
});
call.on('message', (data, isBinary) => {
  if (isBinary) heard.write(data);
  else console.log(data.toString());
});
call.on('error', (error) => console.error(error.message));
call.on('close', (code, reason) => console.log(`closed: ${code} ${reason}`));
