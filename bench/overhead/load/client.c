/* A load client for chat completions: closed loop, one thread, one epoll.
 *
 *   client PORT CONCURRENCY SECONDS CHUNKS GAP_US RAMP_SECONDS MODEL
 *
 * CHUNKS 0 asks for JSON answers, more for streams of so many tokens, GAP_US apart. Each connection sends a request,
 * reads the whole answer, and sends the next, until SECONDS are over; SECONDS 0 means one request a connection, the
 * first ones spread over RAMP_SECONDS. Prints one line of JSON: counts, why the first failure failed, and
 * quantiles in microseconds.
 *
 * Rules of this file
 * - An answer counts only if it is whole: status 200, all tokens and the end mark. Anything else is a failure, and the
 *   connection is opened anew after a pause.
 * - Delay of a token: from the stamp that the mock wrote into it to the moment at which it was read here.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum {
    HEAD_MAX_BYTES = 8 * 1024,
    LINE_MAX_BYTES = 16 * 1024, /* a JSON answer, or one line of a stream */
    READ_BYTES = 64 * 1024,
    EVENTS_AT_ONCE = 256,
    PROMPT_FILLER_BYTES = 1000, /* about what a chat message with a little history weighs */
};
static const int64_t PAUSE_NS = 20 * 1000000LL;       /* after a failure: a dead proxy is not hammered */
static const int64_t GRACE_NS = 15 * 1000000000LL;    /* answers that take longer than this over the end are failures */

typedef enum { IDLE, CONNECTING, HEAD, SIZED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, OVER } State;

typedef struct {
    int fd, tokens;
    State state;
    bool done_seen, line_empty;
    int64_t start_ns, first_ns, left_bytes, starts_at_ns;
    char head[HEAD_MAX_BYTES + 1], line[LINE_MAX_BYTES + 1];
    size_t head_bytes, line_bytes;
} Connection;

typedef struct {
    int64_t *ns;
    size_t count, room;
} Samples;

static int poller, port, concurrency, chunks_expected;
static bool once;
static char *request;
static size_t request_bytes;
static int64_t end_ns, read_ns;
static long answers, failures, connects, tokens_read;
static int over;
static char first_failure[80];
static Samples latency, first_token, token_delay;

static void add(Samples *samples, int64_t ns) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 4096;
        samples->ns = realloc(samples->ns, samples->room * sizeof *samples->ns);
    }
    samples->ns[samples->count++] = ns;
}

static int by_size(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void print_quantiles(const char *name, Samples *samples) {
    if (samples->count == 0) return;
    qsort(samples->ns, samples->count, sizeof *samples->ns, by_size);
    printf(", \"%s\": {\"p50\": %.1f, \"p99\": %.1f}", name, samples->ns[samples->count / 2] / 1e3,
           samples->ns[(samples->count - 1) * 99 / 100] / 1e3);
}

static void hang_up(Connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

/* The connection may ask again, at once or after a pause, unless the time is over. */
static void rest(Connection *c, int64_t pause_ns) {
    c->starts_at_ns = read_ns + pause_ns;
    c->state = IDLE;
    if (once || read_ns >= end_ns) {
        hang_up(c);
        c->state = OVER;
        over++;
    }
}

static void fail(Connection *c, const char *why) {
    if (failures++ == 0) snprintf(first_failure, sizeof first_failure, "%s", why);
    hang_up(c);
    rest(c, PAUSE_NS);
}

static void send_request(Connection *c) {
    /* A request of 1 KB always fits into an empty socket buffer of loopback; if not, this is no place to measure. */
    if (send(c->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) {
        fail(c, "the request could not be sent");
        return;
    }
    c->state = HEAD;
}

static void dial(Connection *c) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
    connects++;
    c->state = CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) fail(c, "the connection was refused");
}

static void begin(Connection *c) {
    c->tokens = 0;
    c->head_bytes = c->line_bytes = 0;
    c->done_seen = false;
    c->first_ns = 0;
    c->start_ns = now_ns();
    if (c->fd < 0)
        dial(c);
    else
        send_request(c);
}

static void take_line(Connection *c) {
    c->line[c->line_bytes] = '\0';
    const char *stamp = strstr(c->line, "\"@");
    if (stamp != NULL) {
        if (c->tokens++ == 0) c->first_ns = read_ns;
        tokens_read++;
        add(&token_delay, read_ns - strtoll(stamp + 2, NULL, 10));
    } else if (strcmp(c->line, "data: [DONE]") == 0) {
        c->done_seen = true;
    }
    c->line_bytes = 0;
}

/* The body without its framing, as it comes. False: it is larger than anything that was asked for. */
static bool take_body(Connection *c, const char *data, size_t bytes) {
    while (bytes > 0) {
        const char *newline = memchr(data, '\n', bytes);
        size_t piece = newline ? (size_t)(newline - data) : bytes;
        if (c->line_bytes + piece > LINE_MAX_BYTES) return false;
        memcpy(c->line + c->line_bytes, data, piece);
        c->line_bytes += piece;
        if (newline == NULL) return true;
        take_line(c);
        data += piece + 1;
        bytes -= piece + 1;
    }
    return true;
}

static void finish(Connection *c) {
    c->line[c->line_bytes] = '\0';
    bool whole = chunks_expected ? c->tokens == chunks_expected && c->done_seen : strstr(c->line, "END\"") != NULL;
    if (!whole) {
        fail(c, "the answer was not whole");
        return;
    }
    answers++;
    add(&latency, read_ns - c->start_ns);
    if (c->first_ns) add(&first_token, c->first_ns - c->start_ns);
    if (strcasestr(c->head, "\r\nconnection: close")) hang_up(c);
    rest(c, 0);
}

/* Collects the head; returns how many bytes were used. */
static size_t take_head(Connection *c, const char *data, size_t bytes) {
    size_t before = c->head_bytes, room = HEAD_MAX_BYTES - before, piece = bytes < room ? bytes : room;
    memcpy(c->head + before, data, piece);
    c->head_bytes += piece;
    c->head[c->head_bytes] = '\0';
    char *end = strstr(c->head, "\r\n\r\n");
    if (end == NULL) {
        if (room == 0) fail(c, "the head of the answer was too long");
        return piece;
    }
    end[2] = '\0';
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->left_bytes = length ? strtoll(length + 17, NULL, 10) : 0;
    c->state = length ? SIZED : CHUNK_SIZE;
    if (strncmp(c->head + 8, " 200", 4) != 0) {
        char status[] = "status ###";
        memcpy(status + 7, c->head + 9, 3);
        fail(c, status);
    }
    return (size_t)(end + 4 - c->head) - before;
}

/* One byte of the framing between chunks. */
static void take_framing(Connection *c, char byte) {
    if (c->state == CHUNK_SIZE) {
        if (byte == '\n') {
            c->state = c->left_bytes ? CHUNK_DATA : TRAILER;
            c->line_empty = true;
        } else if (byte != '\r') {
            c->left_bytes = c->left_bytes * 16 + (byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
        }
    } else if (c->state == CHUNK_END) {
        if (byte == '\n') c->state = CHUNK_SIZE;
    } else if (byte == '\n') {
        if (c->line_empty) finish(c);
        c->line_empty = true;
    } else if (byte != '\r') {
        c->line_empty = false;
    }
}

static void take(Connection *c, const char *data, size_t bytes) {
    while (bytes > 0 && c->state >= HEAD && c->state != OVER) {
        size_t used = 1;
        if (c->state == HEAD) {
            used = take_head(c, data, bytes);
        } else if (c->state == SIZED || c->state == CHUNK_DATA) {
            used = (int64_t)bytes < c->left_bytes ? bytes : (size_t)c->left_bytes;
            if (!take_body(c, data, used)) {
                fail(c, "the answer was longer than anything asked for");
                return;
            }
            c->left_bytes -= (int64_t)used;
            if (c->left_bytes == 0 && c->state == SIZED) finish(c);
            else if (c->left_bytes == 0) c->state = CHUNK_END;
        } else {
            take_framing(c, *data);
        }
        data += used;
        bytes -= used;
    }
}

static void handle(Connection *c, uint32_t events) {
    static char buffer[READ_BYTES];
    if (c->state == CONNECTING && !(events & (EPOLLERR | EPOLLHUP))) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
        send_request(c);
        return;
    }
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
    read_ns = now_ns();
    if (n > 0 && c->state >= HEAD && c->state != OVER)
        take(c, buffer, (size_t)n);
    else if (c->state == IDLE)
        hang_up(c); /* a kept connection that the other side closed between requests */
    else if (n == 0 || errno != EAGAIN)
        fail(c, c->state == CONNECTING ? "the connection was refused" : "the connection broke");
}

static void make_request(const char *model, const char *gap_us) {
    char filler[PROMPT_FILLER_BYTES + 1], body[PROMPT_FILLER_BYTES + 512];
    memset(filler, 'x', PROMPT_FILLER_BYTES);
    filler[PROMPT_FILLER_BYTES] = '\0';
    for (int i = 7; i < PROMPT_FILLER_BYTES; i += 8) filler[i] = ' ';
    snprintf(body, sizeof body,
             "{\"model\":\"%s\",\"stream\":%s,\"temperature\":0.7,\"messages\":[{\"role\":\"user\","
             "\"content\":\"chunks=%d gap_us=%s %s\"}]}",
             model, chunks_expected ? "true" : "false", chunks_expected, gap_us, filler);
    request_bytes = (size_t)asprintf(&request,
                                     "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                                     port, strlen(body), body);
}

static void run(Connection *all) {
    struct epoll_event events[EVENTS_AT_ONCE];
    while (over < concurrency && now_ns() < end_ns + GRACE_NS) {
        read_ns = now_ns();
        bool waiting = false;
        for (int i = 0; i < concurrency; i++) {
            if (all[i].state == IDLE && all[i].starts_at_ns <= read_ns) begin(&all[i]);
            waiting |= all[i].state == IDLE;
        }
        int n = epoll_wait(poller, events, EVENTS_AT_ONCE, waiting ? 1 : 1000);
        for (int i = 0; i < n; i++) handle(events[i].data.ptr, events[i].events);
    }
}

int main(int count, char **arguments) {
    if (count != 8) {
        fprintf(stderr, "usage: client PORT CONCURRENCY SECONDS CHUNKS GAP_US RAMP_SECONDS MODEL\n");
        return 2;
    }
    port = atoi(arguments[1]);
    concurrency = atoi(arguments[2]);
    double seconds = atof(arguments[3]), ramp_seconds = atof(arguments[6]);
    chunks_expected = atoi(arguments[4]);
    make_request(arguments[7], arguments[5]);
    once = seconds == 0;
    poller = epoll_create1(0);
    int64_t start_ns = now_ns();
    double stream_seconds = chunks_expected * atof(arguments[5]) / 1e6;
    end_ns = start_ns + (int64_t)((once ? ramp_seconds + stream_seconds : seconds) * 1e9);
    Connection *all = calloc((size_t)concurrency, sizeof *all);
    for (int i = 0; i < concurrency; i++) {
        all[i].fd = -1;
        all[i].starts_at_ns = start_ns + (int64_t)(ramp_seconds * 1e9 * i / concurrency);
    }
    run(all);
    printf("{\"seconds\": %.3f, \"answers\": %ld, \"chunks\": %ld, \"failures\": %ld, \"connects\": %ld",
           (double)(now_ns() - start_ns) / 1e9, answers, tokens_read, failures + concurrency - over, connects);
    if (failures + concurrency - over > 0)
        printf(", \"why\": \"%s\"", failures ? first_failure : "no end within the time");
    print_quantiles("request_us", &latency);
    print_quantiles("first_chunk_us", &first_token);
    print_quantiles("chunk_us", &token_delay);
    printf("}\n");
    return 0;
}
