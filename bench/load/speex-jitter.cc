// What the jitter buffer of libspeexdsp does with packets: a comparison for bench/jitter.bench.ts.
//   g++ -O2 speex-jitter.cc -lspeexdsp
// stdin: `p <packet>` when a packet of 20 ms has come, `t` at each tick. stdout, for each tick: what was got (0 a packet, 1 missing, 2 to be
// inserted), the media time in samples that is played, the packet.
#include <cstdio>
#include <speex/speex_jitter.h>

static const int kFrameSamples = 320;

int main() {
  JitterBuffer *jitter = jitter_buffer_init(kFrameSamples);
  char kind = 0;
  while (std::scanf(" %c", &kind) == 1) {
    char data[8] = {0};
    JitterBufferPacket packet = {};
    packet.data = data;
    if (kind == 'p') {
      unsigned index = 0;
      if (std::scanf("%u", &index) != 1) return 1;
      packet.len = sizeof(index);
      *reinterpret_cast<unsigned *>(data) = index;
      packet.timestamp = index * kFrameSamples;
      packet.span = kFrameSamples;
      jitter_buffer_put(jitter, &packet);
    } else {
      packet.len = sizeof(data);
      spx_int32_t offset = 0;
      const int at = jitter_buffer_get_pointer_timestamp(jitter);
      const int got = jitter_buffer_get(jitter, &packet, kFrameSamples, &offset);
      const unsigned index = got == JITTER_BUFFER_OK ? *reinterpret_cast<unsigned *>(data) : 0;
      std::printf("%d %d %u\n", got, got == JITTER_BUFFER_OK ? (int)packet.timestamp : at, index);
      jitter_buffer_tick(jitter);
    }
  }
  jitter_buffer_destroy(jitter);
  return 0;
}
