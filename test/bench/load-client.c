/*
 * A WebSocket client that holds thousands of connections and counts what they receive, cheaply enough not to be what a benchmark measures.
 *
 *   load-client port=8080 path=/v1/ws?room={room} rooms=1000 [hello={"type":"join",...} ...] [readyFrames=2]
 *               [eventPrefix={"type":"event"] [subprotocol=name] [tokens=file] [sampleEvery=1] [ping=2 pong=3] [split=lines]
 *               [numbers=4,8,15]
 *
 * `{room}` is the connection's number modulo `rooms`, or the `numbers` in turn; line i of the tokens file is sent by connection i as a bearer token. `hello` may stand
 * several times: the first is sent after the upgrade, each further one when one more frame has come; an empty one stands for sending nothing.
 * A connection is ready once it got `readyFrames` frames; from then on frames that begin with `eventPrefix` are events. A frame that is
 * `ping`, word for word, is answered by `pong` and counts nowhere. With `split=lines` each line of a frame is taken for a frame. The text of
 * every n-th event is searched for "t":<microseconds of CLOCK_MONOTONIC>, and the time since then goes into a histogram.
 *
 * Commands on stdin, one a line; each is answered by one line of JSON on stdout. End of input ends the program.
 *   open N   opens N more connections; answered when all are ready
 *   mark     totals so far, and the latencies since the last mark
 *   rest     the same, but the latencies are kept, and from now on none are added
 *   look     the same, and from now on they are added again, as they are at first
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 60000, SOURCE_ADDRESSES = 16, MAX_OPENING = 128, MAX_HELLOS = 8, BUFFER = 1 << 20, MAX_REST = 1 << 19 };
enum { FINE_US = 10, FINE_BUCKETS = 100000, COARSE_US = 1000, COARSE_BUCKETS = 60000 };
enum state { CONNECTING, UPGRADING, JOINING, READY, CLOSED };

struct connection {
  int fd;
  enum state state;
  int frames; /* while joining */
  uint32_t rest_length;
  unsigned char *rest; /* the beginning of a frame whose end has not come */
  uint64_t events;
};

static const char *path = "/", *hellos[MAX_HELLOS], *event_prefix = "", *ping = "", *pong = "", *subprotocol = "", *tokens_file = "";
static int port, rooms = 1, hello_count, ready_frames, sample_every = 1, split_lines;
static size_t event_prefix_length, ping_length;
static int *numbers, number_count;
static char **tokens;
static int token_count;
static struct connection connections[MAX_CONNECTIONS];
static int created, ready, target, opening, closed;
static uint64_t events, bytes, others;
static int sample_countdown = 1, looking = 1;
static uint32_t fine[FINE_BUCKETS], coarse[COARSE_BUCKETS];
static uint64_t latencies;
static int64_t max_us;
static int epoll_fd;
static unsigned char buffer[BUFFER + MAX_REST];

static void die(const char *what, const char *detail) {
  fprintf(stderr, "load-client: %s%s%s\n", what, *detail ? ": " : "", detail);
  exit(1);
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void note_latency(const unsigned char *payload, size_t length, int64_t read_us) {
  const unsigned char *at = memmem(payload, length, "\"t\":", 4);
  if (at == NULL) return;
  int64_t sent = 0;
  for (at += 4; at < payload + length && *at >= '0' && *at <= '9'; at++) sent = sent * 10 + (*at - '0');
  int64_t us = read_us > sent ? read_us - sent : 0;
  latencies++;
  if (us > max_us) max_us = us;
  if (us / FINE_US < FINE_BUCKETS) fine[us / FINE_US]++;
  else coarse[us / COARSE_US < COARSE_BUCKETS ? us / COARSE_US : COARSE_BUCKETS - 1]++;
}

static int64_t percentile_us(double share) {
  uint64_t rank = (uint64_t)(share * (double)latencies), seen = 0;
  for (int i = 0; i < FINE_BUCKETS; i++)
    if ((seen += fine[i]) > rank) return (int64_t)i * FINE_US + FINE_US / 2;
  for (int i = 0; i < COARSE_BUCKETS; i++)
    if ((seen += coarse[i]) > rank) return (int64_t)i * COARSE_US + COARSE_US / 2;
  return max_us;
}

static void write_all(struct connection *c, const void *data, size_t length) {
  if (write(c->fd, data, length) != (ssize_t)length) die("cannot write a small frame", strerror(errno));
}

/* A frame from a client is masked; the mask may be zero. */
static void send_frame(struct connection *c, int opcode, const void *payload, size_t length) {
  unsigned char frame[4096 + 8] = {0};
  size_t head = length < 126 ? 2 : 4;
  if (length > 4096) die("frame to send is too long", "");
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (length < 126 ? length : 126);
  if (head == 4) { frame[2] = length >> 8; frame[3] = length & 255; }
  memcpy(frame + head + 4, payload, length);
  write_all(c, frame, head + 4 + length);
}

static void fill(char *out, size_t size, const char *template, int room) {
  const char *at = strstr(template, "{room}");
  if (at == NULL) snprintf(out, size, "%s", template);
  else snprintf(out, size, "%.*s%d%s", (int)(at - template), template, room, at + 6);
}

static void watch(struct connection *c, uint32_t what, int operation) {
  struct epoll_event event = {.events = what, .data.u64 = (uint64_t)(c - connections) + 1};
  if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0) die("epoll_ctl", strerror(errno));
}

static void connect_next(void) {
  struct connection *c = &connections[created];
  struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(port)};
  int one = 1;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + created % SOURCE_ADDRESSES);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) die("cannot open another socket", strerror(errno));
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0) die("bind", strerror(errno));
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) die("connect", strerror(errno));
  c->state = CONNECTING;
  created++;
  opening++;
  watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void become_ready(struct connection *c) {
  c->state = READY;
  if (++ready == target) {
    printf("{\"connections\":%d}\n", ready);
    fflush(stdout);
  }
}

static int room_of(int index) {
  return number_count > 0 ? numbers[index % number_count] : index % rooms;
}

static void upgrade(struct connection *c) {
  char where[1024], request[8192];
  int index = (int)(c - connections), error = 0;
  socklen_t size = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) die("connect", strerror(error));
  fill(where, sizeof where, path, room_of(index));
  int length = snprintf(request, sizeof request,
    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s%s%s%s\r\n", where, port,
    *subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol, *subprotocol ? "\r\n" : "",
    index < token_count ? "Authorization: Bearer " : "", index < token_count ? tokens[index] : "", index < token_count ? "\r\n" : "");
  if (length >= (int)sizeof request) die("the upgrade request is too long", "");
  write_all(c, request, length);
  c->state = UPGRADING;
  watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

static void lose(struct connection *c, int code) {
  if (c->state != READY) die("a connection was closed before it was ready", "");
  if (closed++ < 3) fprintf(stderr, "load-client: a connection was closed, code %d\n", code);
  close(c->fd);
  c->state = CLOSED;
}

static void say_hello(struct connection *c) {
  char line[4096];
  if (c->frames >= hello_count) return;
  fill(line, sizeof line, hellos[c->frames], room_of((int)(c - connections)));
  if (*line) send_frame(c, 1, line, strlen(line));
}

static void on_message(struct connection *c, const unsigned char *payload, size_t length, int64_t read_us) {
  if (ping_length > 0 && length == ping_length && memcmp(payload, ping, length) == 0) {
    send_frame(c, 1, pong, strlen(pong));
    return;
  }
  if (c->state == JOINING) {
    if (length > 15 && memcmp(payload, "{\"type\":\"error\"", 15) == 0) {
      fprintf(stderr, "load-client: %.*s\n", (int)length, payload);
      die("the server refused a connection", "");
    }
    c->frames++;
    say_hello(c);
    if (c->frames >= ready_frames) become_ready(c);
    return;
  }
  if (length < event_prefix_length || memcmp(payload, event_prefix, event_prefix_length) != 0) {
    if (others++ < 3) fprintf(stderr, "load-client: not an event: %.*s\n", (int)(length < 200 ? length : 200), payload);
    return;
  }
  c->events++;
  events++;
  bytes += length;
  if (!looking || --sample_countdown > 0) return;
  sample_countdown = sample_every;
  note_latency(payload, length, read_us);
}

static void on_lines(struct connection *c, const unsigned char *payload, size_t length, int64_t read_us) {
  for (const unsigned char *end = payload + length; payload < end;) {
    const unsigned char *newline = memchr(payload, '\n', end - payload);
    size_t line = (newline == NULL ? end : newline) - payload;
    if (line > 0) on_message(c, payload, line, read_us);
    payload += line + 1;
  }
}

static void on_frame(struct connection *c, int opcode, const unsigned char *payload, size_t length, int64_t read_us) {
  if (opcode == 9) { send_frame(c, 10, payload, length); return; }
  if (opcode == 8) { lose(c, length >= 2 ? payload[0] << 8 | payload[1] : 1005); return; }
  if (opcode != 1 && opcode != 2) return;
  if (split_lines) on_lines(c, payload, length, read_us);
  else on_message(c, payload, length, read_us);
}

/* Returns how many bytes were used. */
static size_t take_upgrade(struct connection *c, size_t length) {
  unsigned char *end = memmem(buffer, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (length < 12 || memcmp(buffer, "HTTP/1.1 101", 12) != 0) {
    fprintf(stderr, "load-client: %.*s\n", (int)(length < 500 ? length : 500), buffer);
    die("the server did not upgrade", "");
  }
  c->state = JOINING;
  opening--;
  say_hello(c);
  if (ready_frames == 0) become_ready(c);
  return end + 4 - buffer;
}

static void take_frames(struct connection *c, size_t at, size_t length, int64_t read_us) {
  while (c->state != CLOSED && length - at >= 2) {
    size_t head = 2, payload = buffer[at + 1] & 127;
    if (payload == 126) {
      if (length - at < 4) break;
      payload = (size_t)buffer[at + 2] << 8 | buffer[at + 3];
      head = 4;
    } else if (payload == 127) {
      if (length - at < 10) break;
      payload = 0;
      for (int i = 2; i < 10; i++) payload = payload << 8 | buffer[at + i];
      head = 10;
    }
    if ((buffer[at] & 0x80) == 0) die("fragmented frames are not understood", "");
    if (length - at < head + payload) break;
    on_frame(c, buffer[at] & 15, buffer + at + head, payload, read_us);
    at += head + payload;
  }
  if (c->state == CLOSED) return;
  size_t rest = length - at;
  if (rest > MAX_REST) die("a frame is too long", "");
  if (rest > 0) {
    if ((c->rest = realloc(c->rest, rest)) == NULL) die("out of memory", "");
    memcpy(c->rest, buffer + at, rest);
  } else {
    free(c->rest);
    c->rest = NULL;
  }
  c->rest_length = rest;
}

static void on_readable(struct connection *c) {
  size_t length = c->rest_length, at = 0;
  if (length > 0) memcpy(buffer, c->rest, length);
  ssize_t got = read(c->fd, buffer + length, BUFFER);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) { lose(c, 1006); return; }
  int64_t read_us = now_us();
  length += got;
  if (c->state == UPGRADING) at = take_upgrade(c, length);
  if (c->state != UPGRADING) take_frames(c, at, length, read_us);
}

static void print_totals(void) {
  struct rusage usage;
  uint64_t least = UINT64_MAX, most = 0;
  for (int i = 0; i < created; i++) {
    if (connections[i].events < least) least = connections[i].events;
    if (connections[i].events > most) most = connections[i].events;
  }
  getrusage(RUSAGE_SELF, &usage);
  double cpu_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
  printf("{\"events\":%llu,\"bytes\":%llu,\"others\":%llu,\"closed\":%d,\"leastEvents\":%llu,\"mostEvents\":%llu,\"cpuMs\":%.1f,"
    "\"latencies\":%llu,\"p50Us\":%lld,\"p99Us\":%lld,\"maxUs\":%lld}\n",
    (unsigned long long)events, (unsigned long long)bytes, (unsigned long long)others, closed,
    (unsigned long long)(created > 0 ? least : 0), (unsigned long long)most, cpu_ms, (unsigned long long)latencies,
    (long long)percentile_us(0.5), (long long)percentile_us(0.99), (long long)max_us);
  fflush(stdout);
}

static void forget_latencies(void) {
  memset(fine, 0, sizeof fine);
  memset(coarse, 0, sizeof coarse);
  latencies = 0;
  max_us = 0;
}

static void on_command(const char *line) {
  if (strncmp(line, "open ", 5) == 0) {
    target += atoi(line + 5);
    if (target > MAX_CONNECTIONS || (tokens != NULL && target > token_count)) die("more connections than it has room or tokens for", "");
    return;
  }
  print_totals();
  if (strcmp(line, "mark") == 0) forget_latencies();
  else if (strcmp(line, "rest") == 0) looking = 0;
  else if (strcmp(line, "look") == 0) looking = 1;
  else die("unknown command", line);
}

static void on_input(void) {
  static char input[4096];
  static size_t length;
  ssize_t got = read(0, input + length, sizeof input - length - 1);
  if (got <= 0) exit(0);
  length += got;
  for (char *end; (end = memchr(input, '\n', length)) != NULL;) {
    *end = 0;
    on_command(input);
    length -= end + 1 - input;
    memmove(input, end + 1, length);
  }
}

static void read_tokens(void) {
  char *line = NULL;
  size_t size = 0;
  FILE *file = fopen(tokens_file, "r");
  if (file == NULL) die(tokens_file, strerror(errno));
  if ((tokens = calloc(MAX_CONNECTIONS, sizeof *tokens)) == NULL) die("out of memory", "");
  while (token_count < MAX_CONNECTIONS && getline(&line, &size, file) > 0) {
    line[strcspn(line, "\n")] = 0;
    tokens[token_count++] = strdup(line);
  }
  free(line);
  fclose(file);
}

static void read_numbers(const char *list) {
  if ((numbers = calloc(MAX_CONNECTIONS, sizeof *numbers)) == NULL) die("out of memory", "");
  for (; *list && number_count < MAX_CONNECTIONS; list += strcspn(list, ","), list += *list == ',') numbers[number_count++] = atoi(list);
}

static void read_arguments(int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    char *value = strchr(arguments[i], '=');
    if (value == NULL) die("not name=value", arguments[i]);
    *value++ = 0;
    const char *name = arguments[i];
    if (strcmp(name, "port") == 0) port = atoi(value);
    else if (strcmp(name, "path") == 0) path = value;
    else if (strcmp(name, "rooms") == 0) rooms = atoi(value);
    else if (strcmp(name, "numbers") == 0) read_numbers(value);
    else if (strcmp(name, "hello") == 0) {
      if (hello_count == MAX_HELLOS) die("too many hellos", value);
      hellos[hello_count++] = value;
    }
    else if (strcmp(name, "readyFrames") == 0) ready_frames = atoi(value);
    else if (strcmp(name, "eventPrefix") == 0) event_prefix = value;
    else if (strcmp(name, "ping") == 0) ping = value;
    else if (strcmp(name, "pong") == 0) pong = value;
    else if (strcmp(name, "split") == 0) split_lines = strcmp(value, "lines") == 0;
    else if (strcmp(name, "subprotocol") == 0) subprotocol = value;
    else if (strcmp(name, "tokens") == 0) tokens_file = value;
    else if (strcmp(name, "sampleEvery") == 0) sample_every = atoi(value);
    else die("unknown argument", name);
  }
  event_prefix_length = strlen(event_prefix);
  ping_length = strlen(ping);
  if (*tokens_file) read_tokens();
}

int main(int count, char **arguments) {
  struct epoll_event happened[1024], input = {.events = EPOLLIN, .data.u64 = 0};
  struct rlimit files;
  read_arguments(count, arguments);
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, 0, &input) != 0) die("stdin must be a pipe", strerror(errno));
  for (;;) {
    while (created < target && opening < MAX_OPENING) connect_next();
    int number = epoll_wait(epoll_fd, happened, 1024, -1);
    for (int i = 0; i < number; i++) {
      if (happened[i].data.u64 == 0) { on_input(); continue; }
      struct connection *c = &connections[happened[i].data.u64 - 1];
      if (c->state == CONNECTING) upgrade(c);
      else if (c->state != CLOSED) on_readable(c);
    }
  }
}
