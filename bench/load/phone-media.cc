// The sound of many phones: RTP with PCMU, a packet each 20 ms, and the times at which packets come back. Written in C++ and small, so that fifty phones cost less
// than what they measure; packets are timed by the kernel when they arrive, not when this process gets to read them.
//
//   phone-media <phones> <warm-up seconds> <seconds>
//
// Prints one line of <phones> UDP ports. Then reads a line `<port> <sequence>` for each phone, in the same order: where on this machine it has to send. Measures when all
// have been read and the warm-up is over, and prints one JSON object.

#include <arpa/inet.h>
#include <linux/net_tstamp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

namespace {

constexpr int kHeader = 12;
constexpr int kSamples = 160;
constexpr int kPacket = kHeader + kSamples;
constexpr double kFrameMs = 20;
constexpr double kLongGapMs = 60;
// One packet in fifty carries a pulse, by which its echo is known.
constexpr int kPulseEvery = 50;
constexpr int kPulseAt = 80;
constexpr int kPulseLevel = 4000;
constexpr int kNoiseLevel = 60;
constexpr int kNoises = 64;

double now_ms() {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

// ITU-T G.711.
unsigned char to_ulaw(int sample) {
  const int sign = sample < 0 ? 0x80 : 0;
  int magnitude = std::min(std::abs(sample), 32635) + 132;
  int exponent = 7;
  while (exponent > 0 && (magnitude & (1 << (exponent + 7))) == 0) exponent--;
  return static_cast<unsigned char>(~(sign | exponent << 4 | (magnitude >> (exponent + 3) & 0x0f)));
}

int from_ulaw(unsigned char code) {
  code = ~code;
  const int magnitude = (((code & 0x0f) << 3) + 132) << (code >> 4 & 7);
  return code & 0x80 ? 132 - magnitude : magnitude - 132;
}

struct Phone {
  int fd = -1;
  sockaddr_in remote{};
  double due_ms = 0;
  unsigned sequence = 0, timestamp = 0, ssrc = 0;
  long sent = 0, received = 0, echoes = 0;
  double last_ms = -1, max_gap_ms = 0, pulse_sent_ms = -1;
};

struct Measured {
  bool warm = false;
  std::vector<float> gaps, delays, lateness;
  long over60 = 0;
};

unsigned char noises[kNoises][kSamples];
unsigned char pulse[kSamples];

void make_frame(unsigned char* frame, bool has_pulse) {
  for (int i = 0; i < kSamples; i++) {
    const int from_pulse = i - kPulseAt;
    double value = rand() % (2 * kNoiseLevel + 1) - kNoiseLevel;
    if (has_pulse && abs(from_pulse) <= 6) value += 16000 * (0.5 + 0.5 * cos(M_PI * from_pulse / 7.0));
    frame[i] = to_ulaw(static_cast<int>(value));
  }
}

int open_phone(Phone& phone, int epoll, int index) {
  phone.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  phone.ssrc = static_cast<unsigned>(rand());
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(phone.fd, reinterpret_cast<sockaddr*>(&address), length) != 0) {
    perror("bind");
    exit(1);
  }
  getsockname(phone.fd, reinterpret_cast<sockaddr*>(&address), &length);
  const int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  setsockopt(phone.fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  epoll_ctl(epoll, EPOLL_CTL_ADD, phone.fd, &event);
  return ntohs(address.sin_port);
}

void send_packet(Phone& phone, double now, Measured& measured) {
  const bool has_pulse = phone.sent % kPulseEvery == kPulseEvery - 1;
  unsigned char packet[kPacket] = {0x80, static_cast<unsigned char>(phone.sent == 0 ? 0x80 : 0)};
  const unsigned short sequence = htons(static_cast<unsigned short>(phone.sequence++));
  const unsigned timestamp = htonl(phone.timestamp), ssrc = htonl(phone.ssrc);
  memcpy(packet + 2, &sequence, 2);
  memcpy(packet + 4, &timestamp, 4);
  memcpy(packet + 8, &ssrc, 4);
  memcpy(packet + kHeader, has_pulse ? pulse : noises[phone.sent % kNoises], kSamples);
  phone.timestamp += kSamples;
  if (measured.warm) measured.lateness.push_back(static_cast<float>(now - phone.due_ms));
  phone.pulse_sent_ms = has_pulse ? now_ms() : phone.pulse_sent_ms;
  if (sendto(phone.fd, packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&phone.remote), sizeof phone.remote) < 0) {
    phone.pulse_sent_ms = -1;
  }
  phone.sent++;
  phone.due_ms += kFrameMs;
}

void received(Phone& phone, const unsigned char* samples, int count, double at_ms, Measured& measured) {
  if (measured.warm) {
    if (phone.last_ms >= 0) {
      const double gap = at_ms - phone.last_ms;
      measured.gaps.push_back(static_cast<float>(gap));
      phone.max_gap_ms = std::max(phone.max_gap_ms, gap);
      if (gap > kLongGapMs) measured.over60++;
    }
    phone.last_ms = at_ms;
    phone.received++;
  }
  if (phone.pulse_sent_ms < 0) return;
  int peak = 0, peak_at = 0;
  for (int i = 0; i < count; i++) {
    const int value = from_ulaw(samples[i]);
    if (value > peak) {
      peak = value;
      peak_at = i;
    }
  }
  // A peak at the border may go on in the next packet.
  if (peak < kPulseLevel || peak_at == count - 1) return;
  if (measured.warm) {
    measured.delays.push_back(static_cast<float>(at_ms - phone.pulse_sent_ms + (peak_at - kPulseAt) / 8.0));
    phone.echoes++;
  }
  phone.pulse_sent_ms = -1;
}

void read_all(Phone& phone, Measured& measured) {
  for (;;) {
    unsigned char bytes[2048], control[256];
    iovec part{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t count = recvmsg(phone.fd, &message, MSG_DONTWAIT);
    if (count < 0) return;
    double at_ms = now_ms();
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPING) continue;
      timespec ts;
      memcpy(&ts, CMSG_DATA(c), sizeof ts);
      if (ts.tv_sec != 0) at_ms = ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
    }
    // PCMU of a first or later packet; comfort noise and events are no sound.
    if (count < kHeader || (bytes[1] & 0x7f) != 0) continue;
    received(phone, bytes + kHeader, static_cast<int>(count) - kHeader, at_ms, measured);
  }
}

double quantile(std::vector<float>& values, double part) {
  if (values.empty()) return -1;
  const size_t at = std::min(values.size() - 1, static_cast<size_t>(part * values.size()));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[at];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int count = atoi(argv[1]);
  const double warm_up_ms = atof(argv[2]) * 1e3, measure_ms = atof(argv[3]) * 1e3;
  srand(static_cast<unsigned>(time(nullptr)) ^ getpid());
  for (auto& frame : noises) make_frame(frame, false);
  make_frame(pulse, true);
  const int epoll = epoll_create1(0);
  std::vector<Phone> phones(count);
  for (int i = 0; i < count; i++) printf("%d%c", open_phone(phones[i], epoll, i), i + 1 < count ? ' ' : '\n');
  fflush(stdout);
  for (int i = 0; i < count; i++) {
    int port, sequence;
    if (scanf("%d %d", &port, &sequence) != 2) {
      fprintf(stderr, "a port and a sequence number are needed for each phone\n");
      return 2;
    }
    phones[i].sequence = sequence;
    phones[i].remote.sin_family = AF_INET;
    phones[i].remote.sin_port = htons(port);
    phones[i].remote.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  // Phones begin at moments of their own.
  const double begin_ms = now_ms();
  for (int i = 0; i < count; i++) phones[i].due_ms = begin_ms + i * 7 % 20;
  Measured measured;
  measured.gaps.reserve(static_cast<size_t>(count * measure_ms / kFrameMs * 1.1));
  const double warm_ms = now_ms() + warm_up_ms, end_ms = warm_ms + measure_ms;
  std::vector<epoll_event> events(256);
  for (double now = now_ms(); now < end_ms; now = now_ms()) {
    measured.warm = now >= warm_ms;
    double next = now + kFrameMs;
    for (auto& phone : phones) {
      if (phone.due_ms <= now) send_packet(phone, now, measured);
      next = std::min(next, phone.due_ms);
    }
    const int wait_ms = std::max(0, static_cast<int>(std::ceil(next - now_ms())));
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), wait_ms);
    for (int i = 0; i < ready; i++) read_all(phones[events[i].data.u32], measured);
  }
  long packets = 0, fewest = -1, fewest_echoes = -1;
  double worst = 0;
  for (const auto& phone : phones) {
    packets += phone.received;
    worst = std::max(worst, phone.max_gap_ms);
    fewest = fewest < 0 ? phone.received : std::min(fewest, phone.received);
    fewest_echoes = fewest_echoes < 0 ? phone.echoes : std::min(fewest_echoes, phone.echoes);
  }
  const double seconds = measure_ms / 1e3;
  printf(
      "{\"phones\":%d,\"seconds\":%.0f,\"packetsPerSecond\":%.2f,\"slowestPacketsPerSecond\":%.2f,\"gapP50Ms\":%.2f,\"gapP99Ms\":%.2f,"
      "\"gapMaxMs\":%.2f,\"gapsOver60Ms\":%ld,\"echoes\":%zu,\"fewestEchoes\":%ld,\"echoP50Ms\":%.2f,\"echoP95Ms\":%.2f,\"phonesLateP99Ms\":%.2f,\"phonesLateMaxMs\":%.2f}\n",
      count, seconds, packets / seconds / count, fewest / seconds, quantile(measured.gaps, 0.5), quantile(measured.gaps, 0.99),
      worst, measured.over60, measured.delays.size(), fewest_echoes, quantile(measured.delays, 0.5), quantile(measured.delays, 0.95),
      quantile(measured.lateness, 0.99), quantile(measured.lateness, 1));
  return 0;
}
