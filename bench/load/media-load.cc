// The callers of the media benchmarks: AudioSocket connections at 8 kHz that send a frame each 20 ms and time what comes back. Written in C++, so
// that it costs a small part of what it measures; frames are timed by the kernel when they arrive, not when this process gets to read them.
//
//   media-load <port> <calls> <warm-up seconds> <seconds> [<seconds a call lasts>]
//
// With port 0 it reads a line `<port> <uuid>` for each call from its input; with another, each call has a UUID that nobody announced. Calls that last
// shorter than the run are followed by new ones at once, each with a UUID of its own. Prints one JSON object.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

namespace {

constexpr int kSamples = 160;
constexpr int kFrameBytes = 3 + kSamples * 2;
constexpr double kFrameMs = 20;
// One frame in fifty carries a pulse, by which its echo is known.
constexpr int kPulseEvery = 50;
constexpr int kPulseAt = 80;
constexpr int kPulseLevel = 4000;

double now_ms() {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

struct Target {
  int port;
  unsigned char uuid[16];
};

struct Call {
  int fd = -1;
  double ends_ms = 0;
  double due_ms = 0;
  long sent = 0;
  double pulse_sent_ms = -1;
  double last_ms = -1;
  double first_ms = -1;
  long frames = 0;
  double max_gap_ms = 0;
  unsigned char frame[kFrameBytes];
  size_t filled = 0;
  bool closed = false;
};

struct Measured {
  std::vector<float> gaps, delays;
  long over60 = 0;
  double warm_until_ms = 0;
  // How late this process itself sends.
  std::vector<float> lateness;
};

// A room's quiet noise: silence would be cheaper to carry than a call is.
constexpr int kNoiseFrames = 64;
constexpr int kNoiseLevel = 60;
unsigned char noise_frames[kNoiseFrames][kFrameBytes];
unsigned char pulse_frame[kFrameBytes];

void make_frame(unsigned char* frame, bool pulse) {
  frame[0] = 0x10;
  frame[1] = (kSamples * 2) >> 8;
  frame[2] = (kSamples * 2) & 0xff;
  for (int i = 0; i < kSamples; i++) {
    const int from_pulse = i - kPulseAt;
    double value = rand() % (2 * kNoiseLevel + 1) - kNoiseLevel;
    if (pulse && abs(from_pulse) <= 6) value += 16000 * (0.5 + 0.5 * cos(M_PI * from_pulse / 7.0));
    const auto sample = static_cast<short>(value);
    memcpy(frame + 3 + i * 2, &sample, 2);
  }
}

void make_frames() {
  for (auto& frame : noise_frames) make_frame(frame, false);
  make_frame(pulse_frame, true);
}

void received(Call& call, double at_ms, Measured& measured) {
  if (call.frame[0] != 0x10) return;
  const bool warm = at_ms >= measured.warm_until_ms;
  if (warm) {
    if (call.last_ms >= measured.warm_until_ms) {
      const double gap = at_ms - call.last_ms;
      measured.gaps.push_back(static_cast<float>(gap));
      call.max_gap_ms = std::max(call.max_gap_ms, gap);
      if (gap > 60) measured.over60++;
    }
    if (call.first_ms < 0) call.first_ms = at_ms;
    call.frames++;
  }
  call.last_ms = at_ms;
  if (call.pulse_sent_ms < 0) return;
  int peak = 0, peak_at = 0;
  for (int i = 0; i < kSamples; i++) {
    short value;
    memcpy(&value, call.frame + 3 + i * 2, 2);
    if (value > peak) {
      peak = value;
      peak_at = i;
    }
  }
  // A peak at the border may go on in the next frame.
  if (peak < kPulseLevel || peak_at == kSamples - 1) return;
  if (warm) measured.delays.push_back(static_cast<float>(at_ms - call.pulse_sent_ms + (peak_at - kPulseAt) / 8.0));
  call.pulse_sent_ms = -1;
}

void read_all(Call& call, Measured& measured) {
  char control[256];
  unsigned char bytes[8192];
  for (;;) {
    iovec part{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t count = recvmsg(call.fd, &message, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
      call.closed = true;
      close(call.fd);
      return;
    }
    double at_ms = now_ms();
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPING) continue;
      timespec ts;
      memcpy(&ts, CMSG_DATA(c), sizeof ts);
      if (ts.tv_sec != 0) at_ms = ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
    }
    for (ssize_t i = 0; i < count;) {
      const size_t length = call.filled >= 3 ? 3 + (call.frame[1] << 8 | call.frame[2]) : 3;
      if (length > kFrameBytes) {
        fprintf(stderr, "unexpected frame of %zu bytes\n", length);
        exit(1);
      }
      const size_t taken = std::min<size_t>(length - call.filled, count - i);
      memcpy(call.frame + call.filled, bytes + i, taken);
      call.filled += taken;
      i += taken;
      if (call.filled >= 3 && call.filled == 3u + (call.frame[1] << 8 | call.frame[2])) {
        received(call, at_ms, measured);
        call.filled = 0;
      }
    }
    if (count < static_cast<ssize_t>(sizeof bytes)) return;
  }
}

Target stranger(int port) {
  Target target{port, {0xbe, 0xac}};
  for (int i = 2; i < 16; i++) target.uuid[i] = static_cast<unsigned char>(rand());
  return target;
}

bool read_target(Target& target) {
  char uuid[64];
  if (scanf("%d %63s", &target.port, uuid) != 2) return false;
  int digits = 0;
  for (const char* c = uuid; *c != 0 && digits < 32; c++) {
    if (!isxdigit(*c)) continue;
    const int value = *c <= '9' ? *c - '0' : (*c | 32) - 'a' + 10;
    unsigned char& byte = target.uuid[digits / 2];
    byte = static_cast<unsigned char>(digits % 2 == 0 ? value << 4 : byte | value);
    digits++;
  }
  return digits == 32;
}

void open_call(Call& call, const Target& target, int epoll, int index) {
  call.fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(call.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    perror("connect");
    exit(1);
  }
  int one = 1;
  setsockopt(call.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  setsockopt(call.fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps);
  unsigned char hello[19] = {0x01, 0, 16};
  memcpy(hello + 3, target.uuid, 16);
  if (write(call.fd, hello, sizeof hello) != sizeof hello) perror("write");
  fcntl(call.fd, F_SETFL, O_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  epoll_ctl(epoll, EPOLL_CTL_ADD, call.fd, &event);
}

double quantile(std::vector<float>& values, double part) {
  if (values.empty()) return -1;
  const size_t at = std::min(values.size() - 1, static_cast<size_t>(part * values.size()));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[at];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) return 2;
  const int port = atoi(argv[1]), count = atoi(argv[2]);
  const double warm_up_ms = atof(argv[3]) * 1e3, measure_ms = atof(argv[4]) * 1e3;
  const double call_ms = argc == 6 ? atof(argv[5]) * 1e3 : 0;
  rlimit files{65536, 65536};
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  srand(static_cast<unsigned>(time(nullptr)) ^ getpid());
  make_frames();
  std::vector<Target> targets(count);
  for (auto& target : targets) {
    if (port != 0) {
      target = stranger(port);
    } else if (!read_target(target)) {
      fprintf(stderr, "a port and a UUID are needed for each call\n");
      return 2;
    }
  }
  const int epoll = epoll_create1(0);
  std::vector<Call> calls(count);
  Measured measured;
  measured.gaps.reserve(static_cast<size_t>(count * measure_ms / kFrameMs * 1.1));
  // Callers come one by one, 2 ms apart, and so their frames are spread over time as those of strangers are.
  double start_ms = now_ms();
  int opened = 0;
  long followers = 0;
  const double all_open_ms = start_ms + count * 2.0;
  measured.warm_until_ms = all_open_ms + warm_up_ms;
  const double end_ms = measured.warm_until_ms + measure_ms;
  std::vector<epoll_event> events(1024);
  for (double now = now_ms(); now < end_ms; now = now_ms()) {
    while (opened < count && start_ms + opened * 2.0 <= now) {
      open_call(calls[opened], targets[opened], epoll, opened);
      calls[opened].due_ms = now_ms() + (opened * 7 % 20);
      // The first ones end earlier, some at each moment.
      calls[opened].ends_ms = call_ms > 0 ? now_ms() + call_ms * (opened + 1) / count : end_ms + 1;
      opened++;
    }
    double next = now + 1;
    for (int i = 0; i < opened; i++) {
      Call& call = calls[i];
      if (call.closed) continue;
      if (call.ends_ms <= now) {
        close(call.fd);
        const double due_ms = call.due_ms;
        call = Call{};
        open_call(call, stranger(port), epoll, i);
        call.due_ms = due_ms;
        call.ends_ms = now + call_ms;
        followers++;
      }
      if (call.due_ms <= now) {
        const bool pulse = (call.sent + i) % kPulseEvery == 0 && call.sent > kPulseEvery;
        if (now >= measured.warm_until_ms) measured.lateness.push_back(static_cast<float>(now - call.due_ms));
        if (pulse) call.pulse_sent_ms = now_ms();
        if (write(call.fd, pulse ? pulse_frame : noise_frames[call.sent % kNoiseFrames], kFrameBytes) != kFrameBytes) call.pulse_sent_ms = -1;
        call.sent++;
        call.due_ms += kFrameMs;
      }
      next = std::min(next, call.due_ms);
    }
    const int wait_ms = std::max(0, static_cast<int>(std::ceil(next - now_ms())));
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), wait_ms);
    for (int i = 0; i < ready; i++) read_all(calls[events[i].data.u32], measured);
  }
  int closed = 0;
  double slowest = 1e9, fastest = 0, worst = 0;
  for (auto& call : calls) {
    worst = std::max(worst, call.max_gap_ms);
    if (call.closed) closed++;
    // Over a second or so the borders of frames are more than what is looked for.
    if (call.closed || call.frames < 500) continue;
    const double rate = (call.frames - 1) / (call.last_ms - call.first_ms) * 1e3;
    slowest = std::min(slowest, rate);
    fastest = std::max(fastest, rate);
  }
  printf(
      "{\"calls\":%d,\"closed\":%d,\"frames\":%zu,\"gapP50Ms\":%.2f,\"gapP99Ms\":%.2f,\"gapMaxMs\":%.2f,\"gapsOver60Ms\":%ld,"
      "\"slowestFramesPerSecond\":%.3f,\"fastestFramesPerSecond\":%.3f,\"delays\":%zu,\"delayP50Ms\":%.2f,\"delayP99Ms\":%.2f,"
      "\"loadLateP99Ms\":%.2f,\"followers\":%ld}\n",
      count, closed, measured.gaps.size(), quantile(measured.gaps, 0.5), quantile(measured.gaps, 0.99), worst,
      measured.over60, slowest, fastest, measured.delays.size(), quantile(measured.delays, 0.5),
      quantile(measured.delays, 0.99), quantile(measured.lateness, 0.99), followers);
  return 0;
}
