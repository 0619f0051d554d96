/* Sends HTTP requests from a file to 127.0.0.1 and measures the answers: as fast as it goes, or each at its own time.

   load -p PORT -i FILE [-c connections] [-d seconds] [-f first] [-n most] [-r rate] [-k requests a connection] [-x hang-ups %] [-w] [-o] [-l log]

   A line of FILE is one request: due (ms from the start), method, path, token, idempotency key, body, parted by tabs; what is empty is left
   out. A connection has one request on its way at a time. Without -o or -r, each connection sends the next line as soon as it is
   answered. With -o a line goes out when it is due, with -r at a steady rate; when no connection is free it waits, and its latency
   counts from the instant it was due (a slow service cannot slow down who measures it). The file is gone through once, or with -w
   again and again. -x: so many percent of the requests are hung up on, 0 to 60 ms after they are sent. When the time is up nothing is
   sent any more; answers that still come within DRAIN_S are in the log, and not in the figures.

   Prints one line of JSON, latencies in ms. The log has a line for each answer: line number, sent or due (us), latency (us), status, id. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEPT = 16384, DRAIN_S = 5, TIMEOUT_US = 30000000, FIELDS = 6 };
enum state { CLOSED, IDLE, DIALLING, BUSY }; /* the last two have a request to see through */

struct connection {
    int fd, served;
    enum state state;
    size_t line, out, sent, in, kept;
    long began, hang_up_at, retry_at;
    int head, length; /* of the answer: bytes of its head once known, of its body */
    char request[KEPT], answer[KEPT];
};

struct record { size_t line; long began; unsigned latency; int status; long id; };

static const char *text;
static size_t *lines, line_count, next_line, first_line, most, log_count, log_room, waiting;
static struct connection *connections;
static struct record *records;
static struct sockaddr_in address = {.sin_family = AF_INET};
static int port, count = 32, keep, hang_ups, wrap, scheduled, epoll;
static double seconds = 5, rate;
static long start, broken, hung_up;

static void fail(const char *what) { perror(what); exit(2); }

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void read_file(const char *path) {
    struct stat about;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &about)) fail(path);
    text = mmap(NULL, about.st_size + 1, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED) fail(path);
    size_t room = 0;
    for (const char *at = text, *end = text + about.st_size; at < end;) {
        if (line_count + 1 >= room) lines = realloc(lines, (room = room * 2 + 1024) * sizeof *lines);
        lines[line_count++] = at - text;
        const char *stop = memchr(at, '\n', end - at);
        int tabs = 0;
        for (const char *tab = at; stop && (tab = memchr(tab, '\t', stop - tab)); tab++) tabs++;
        if (tabs != FIELDS - 1) { fprintf(stderr, "%s: line %zu is no request\n", path, line_count); exit(2); }
        at = stop + 1;
    }
    if (!line_count) { fprintf(stderr, "%s is empty\n", path); exit(2); }
}

static long due(size_t line) {
    if (rate > 0) return start + (long)((line - first_line) * 1e6 / rate);
    return start + (long)(atof(text + lines[line % line_count]) * 1000);
}

static int has_next(void) { return (wrap || next_line < line_count) && (!most || next_line - first_line < most); }

static void compose(struct connection *c, size_t line) {
    const char *field[FIELDS], *at = text + lines[line % line_count];
    int size[FIELDS];
    for (int f = 0; f < FIELDS; f++) {
        const char *end = strchr(at, f < FIELDS - 1 ? '\t' : '\n');
        field[f] = at, size[f] = end - at, at = end + 1;
    }
    char *to = c->request, *end = c->request + KEPT;
    to += snprintf(to, end - to, "%.*s %.*s HTTP/1.1\r\nHost: 127.0.0.1\r\n", size[1], field[1], size[2], field[2]);
    if (size[3]) to += snprintf(to, end - to, "Authorization: Bearer %.*s\r\n", size[3], field[3]);
    if (size[4]) to += snprintf(to, end - to, "Idempotency-Key: %.*s\r\n", size[4], field[4]);
    if (size[5]) to += snprintf(to, end - to, "Content-Type: application/json\r\nContent-Length: %d\r\n", size[5]);
    to += snprintf(to, end - to, "\r\n%.*s", size[5], field[5]);
    if (to >= end) { fprintf(stderr, "line %zu is too long\n", line); exit(2); }
    c->line = line, c->out = to - c->request, c->sent = c->in = c->kept = 0, c->head = 0, c->length = 0;
}

static void watch(struct connection *c, unsigned events, int how) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll, how, c->fd, &event)) fail("epoll_ctl");
}

static void drop(struct connection *c) {
    if (c->state == CLOSED) return;
    if (c->state != IDLE) waiting--;
    close(c->fd);
    c->state = CLOSED;
}

static void lose(struct connection *c) {
    if (c->state != IDLE) broken++;
    drop(c);
    c->retry_at = now() + 10000;
}

static void push(struct connection *c) {
    ssize_t wrote = send(c->fd, c->request + c->sent, c->out - c->sent, MSG_NOSIGNAL);
    if (wrote < 0 && errno != EAGAIN) { lose(c); return; }
    if (wrote > 0) c->sent += wrote;
    watch(c, c->sent < c->out ? EPOLLOUT | EPOLLIN : EPOLLIN, EPOLL_CTL_MOD);
}

static void dial(struct connection *c) {
    int yes = 1;
    struct linger reset = {.l_onoff = 1};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* no port is left waiting */
    c->served = 0, c->state = DIALLING;
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) lose(c);
}

/* Gives a connection that is free (IDLE, or CLOSED and to be dialled) the next request, if one is to go out now. */
static void feed(struct connection *c, enum state is, long at, long until) {
    if (c->state != is || c->retry_at > at || at >= until || !has_next()) return;
    int timed = scheduled || rate > 0;
    if (timed && due(next_line) > at) return;
    compose(c, next_line);
    c->began = timed ? due(next_line) : at;
    c->hang_up_at = hang_ups && rand() % 100 < hang_ups ? at + rand() % 60000 : 0;
    next_line++, waiting++;
    if (is == CLOSED) dial(c);
    else c->state = BUSY, push(c);
}

static void note(struct connection *c, long at) {
    if (log_count == log_room) records = realloc(records, (log_room = log_room * 2 + 65536) * sizeof *records);
    char *id = c->kept > (size_t)c->head ? strstr(c->answer + c->head, "\"id\":") : NULL;
    records[log_count++] = (struct record){c->line, c->began - start, at - c->began, atoi(c->answer + 9), id ? atol(id + 5) : 0};
}

static void take(struct connection *c) {
    static char rest[1 << 18];
    for (;;) {
        size_t room = KEPT - 1 - c->kept;
        ssize_t got = room ? recv(c->fd, c->answer + c->kept, room, 0) : recv(c->fd, rest, sizeof rest, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) { lose(c); return; }
        c->in += got;
        if (room) c->answer[c->kept += got] = 0;
        if (!c->head) {
            if (!room) { fprintf(stderr, "an answer has too long a head\n"); exit(2); }
            char *end = strstr(c->answer, "\r\n\r\n"), *length = strcasestr(c->answer, "\r\ncontent-length:");
            if (!end) continue;
            c->head = end + 4 - c->answer;
            c->length = length && length < end ? atoi(length + 17) : 0;
            if (strcasestr(c->answer, "\r\ntransfer-encoding:")) { fprintf(stderr, "an answer comes in chunks\n"); exit(2); }
        }
        if (c->in >= (size_t)c->head + c->length) break;
    }
    long at = now();
    char *close = strcasestr(c->answer, "\r\nconnection: close");
    note(c, at);
    waiting--, c->served++, c->state = IDLE;
    if ((keep && c->served >= keep) || (close && close < c->answer + c->head)) drop(c);
}

static void step(long until) {
    struct epoll_event events[256];
    long at = now(), wait = 100000;
    for (int i = 0; i < count; i++) {
        struct connection *c = connections + i;
        if (c->state == BUSY && c->hang_up_at && c->hang_up_at <= at) hung_up++, drop(c);
        if (c->state >= DIALLING && at - c->began > TIMEOUT_US) lose(c);
        feed(c, IDLE, at, until);
    }
    for (int i = 0; i < count; i++) feed(connections + i, CLOSED, at, until);
    if ((scheduled || rate > 0) && has_next() && at < until && waiting < (size_t)count) wait = due(next_line) - now();
    if (wait > 1000 && (hang_ups || waiting < (size_t)count)) wait = 1000;
    struct timespec pause = {.tv_nsec = (wait < 0 ? 0 : wait > 100000 ? 100000 : wait) * 1000};
    int ready = epoll_pwait2(epoll, events, 256, &pause, NULL);
    for (int i = 0; i < ready; i++) {
        struct connection *c = events[i].data.ptr;
        int error = 0;
        socklen_t size = sizeof error;
        switch (c->state) {
        case CLOSED: break;
        case IDLE: lose(c); break; /* the service has closed it, or says what nobody asked */
        case DIALLING:
            getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
            if (error) { lose(c); break; }
            c->state = BUSY;
            push(c);
            break;
        case BUSY:
            if (events[i].events & EPOLLOUT && c->sent < c->out) push(c);
            if (c->state == BUSY && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take(c);
        }
        feed(c, IDLE, now(), until);
    }
}

static int ascending(const void *a, const void *b) { return (*(unsigned *)a > *(unsigned *)b) - (*(unsigned *)a < *(unsigned *)b); }

static void report(double took, long until, const char *log) {
    unsigned *latencies = malloc((log_count + 1) * sizeof *latencies);
    size_t timely = 0, statuses[600] = {0};
    for (size_t i = 0; i < log_count; i++) {
        if (start + records[i].began + records[i].latency > until) continue;
        latencies[timely++] = records[i].latency;
        statuses[records[i].status > 0 && records[i].status < 600 ? records[i].status : 0]++;
    }
    qsort(latencies, timely, sizeof *latencies, ascending);
    printf("{\"requests\": %zu, \"seconds\": %.3f, \"sent\": %zu, ", timely, took, next_line - first_line);
    printf("\"late\": %zu, \"broken\": %ld, \"hung_up\": %ld, \"unanswered\": %zu, ", log_count - timely, broken, hung_up, waiting);
    printf("\"statuses\": {");
    for (int s = 0, any = 0; s < 600; s++) if (statuses[s]) printf("%s\"%d\": %zu", any++ ? ", " : "", s, statuses[s]);
    const double at[] = {0.5, 0.9, 0.99, 0.999, 1};
    const char *name[] = {"p50", "p90", "p99", "p999", "max"};
    printf("}");
    for (int i = 0; i < 5; i++) printf(", \"%s\": %.3f", name[i], timely ? latencies[(size_t)((timely - 1) * at[i])] / 1000.0 : 0);
    printf("}\n");
    FILE *to = log ? fopen(log, "w") : NULL;
    if (log && !to) fail(log);
    for (size_t i = 0; to && i < log_count; i++)
        fprintf(to, "%zu\t%ld\t%u\t%d\t%ld\n", records[i].line, records[i].began, records[i].latency, records[i].status, records[i].id);
    if (to && fclose(to)) fail(log);
}

int main(int argc, char **argv) {
    const char *file = NULL, *log = NULL;
    for (int flag; (flag = getopt(argc, argv, "p:i:c:d:f:n:r:k:x:wol:")) != -1;) switch (flag) {
        case 'p': port = atoi(optarg); break;
        case 'i': file = optarg; break;
        case 'c': count = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'f': first_line = atol(optarg); break;
        case 'n': most = atol(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'k': keep = atoi(optarg); break;
        case 'x': hang_ups = atoi(optarg); break;
        case 'w': wrap = 1; break;
        case 'o': scheduled = 1; break;
        case 'l': log = optarg; break;
        default: return 2;
    }
    if (!port || !file || count < 1) { fprintf(stderr, "-p and -i are needed\n"); return 2; }
    read_file(file);
    next_line = first_line;
    address.sin_port = htons(port), address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connections = calloc(count, sizeof *connections);
    if ((epoll = epoll_create1(0)) < 0) fail("epoll_create1");
    start = now();
    long until = start + (long)(seconds * 1e6);
    while (now() < until && (has_next() || waiting)) step(until);
    if (!log_count && waiting) { /* something slower than the whole run: its first answer counts */
        for (long last = now() + TIMEOUT_US; !log_count && waiting && now() < last;) step(0);
        until = now();
    }
    double took = (now() - start) / 1e6;
    for (long last = now() + DRAIN_S * 1000000L; waiting && now() < last;) step(0);
    report(took, until, log);
}
