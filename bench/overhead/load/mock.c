/* A backend that speaks the OpenAI dialect and costs next to nothing.
 *
 *   mock            listens on a free port of 127.0.0.1 and prints its number
 *
 * What to answer stands in the prompt, so that it passes through any proxy: `chunks=N gap_us=M` streams N tokens, M
 * microseconds apart; `chunks=0` answers with one JSON body. Every GET is answered with a list of one model.
 *
 * Rules of this file
 * - One thread, one epoll. A token is one HTTP chunk and one send(), as in real engines.
 * - Every token carries `@` and the nanoseconds at which it was written, for the client to compare.
 * - A stream whose reader is slow waits for it; nothing is dropped and nothing piles up beyond one token.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum {
    REQUEST_MAX_BYTES = 32 * 1024, /* head and body; the client's prompts are about 1 KB */
    OUT_MAX_BYTES = 4 * 1024,      /* at most a head, a token and an end wait for a slow reader */
    EVENTS_AT_ONCE = 256,
    BACKLOG = 4096, /* the cell of open streams connects a thousand at once */
    TICK_MS = 1,    /* paced tokens are looked at this often: 5 % of the shortest pace used */
};

static const char JSON_BODY[] =
    "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"mock\","
    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
    "The quick brown fox jumps over the lazy dog while the five boxing wizards watch from the hill. "
    "The quick brown fox jumps over the lazy dog while the five boxing wizards watch from the hill. "
    "The quick brown fox jumps over the lazy dog while the five boxing wizards watch from the hill. "
    "The quick brown fox jumps over the lazy dog while the five boxing wizards watch from the hill. "
    "The quick brown fox jumps over the lazy dog while the five boxing wizards watch from the hill. "
    "END\"},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":100,\"total_tokens\":300}}";
static const char MODELS_BODY[] =
    "{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"}]}";
static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";
static const char TOKEN[] =
    "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mock\","
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"@%019lld \"},\"finish_reason\":null}]}\n\n";
static const char LAST[] =
    "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mock\","
    "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

typedef struct Connection {
    int fd;
    char in[REQUEST_MAX_BYTES + 1];
    size_t in_bytes;
    char out[OUT_MAX_BYTES];
    size_t out_bytes;
    bool streaming, broken;
    long tokens_left;
    int64_t gap_ns, due_ns;
    struct Connection *previous, *next; /* in the ring of open streams */
} Connection;

static int poller;
static Connection streams = {.previous = &streams, .next = &streams};

static void leave_ring(Connection *c) {
    if (!c->streaming) return;
    c->previous->next = c->next;
    c->next->previous = c->previous;
    c->streaming = false;
}

static void join_ring(Connection *c) {
    c->previous = streams.previous;
    c->next = &streams;
    c->previous->next = c->next->previous = c;
    c->streaming = true;
}

static void watch(Connection *c, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

static void flush(Connection *c) {
    size_t sent = 0;
    while (sent < c->out_bytes) {
        ssize_t n = send(c->fd, c->out + sent, c->out_bytes - sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) c->broken = true;
            break;
        }
        sent += (size_t)n;
    }
    memmove(c->out, c->out + sent, c->out_bytes - sent);
    c->out_bytes -= sent;
}

static void write_out(Connection *c, const char *data, size_t bytes) {
    bool waited = c->out_bytes > 0;
    if (c->out_bytes + bytes > sizeof c->out) {
        c->broken = true;
        return;
    }
    memcpy(c->out + c->out_bytes, data, bytes);
    c->out_bytes += bytes;
    if (!waited) flush(c);
    if (!waited && c->out_bytes > 0) watch(c, EPOLLIN | EPOLLOUT);
}

static void write_body(Connection *c, const char *body) {
    char answer[OUT_MAX_BYTES];
    int bytes = snprintf(answer, sizeof answer,
                         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                         strlen(body), body);
    write_out(c, answer, (size_t)bytes);
}

static void write_chunk(Connection *c, const char *data, const char *after) {
    char chunk[1024];
    int bytes = snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n%s", strlen(data), data, after);
    write_out(c, chunk, (size_t)bytes);
}

/* Writes what is due on one stream; true if more is due at once. */
static bool step(Connection *c, int64_t now) {
    if (c->out_bytes > 0 || now < c->due_ns) return false;
    char token[512];
    snprintf(token, sizeof token, TOKEN, (long long)now_ns());
    write_chunk(c, token, "");
    c->due_ns += c->gap_ns;
    if (--c->tokens_left == 0) {
        leave_ring(c);
        write_chunk(c, LAST, "0\r\n\r\n");
        return false;
    }
    return c->gap_ns == 0;
}

static long knob(const char *body, const char *name, long otherwise) {
    const char *found = strstr(body, name);
    return found ? strtol(found + strlen(name), NULL, 10) : otherwise;
}

static void answer(Connection *c, const char *body) {
    if (strncmp(c->in, "GET ", 4) == 0) {
        write_body(c, MODELS_BODY);
        return;
    }
    c->tokens_left = knob(body, "chunks=", 0);
    if (c->tokens_left == 0) {
        write_body(c, JSON_BODY);
        return;
    }
    c->gap_ns = knob(body, "gap_us=", 0) * 1000;
    c->due_ns = now_ns() + c->gap_ns;
    write_out(c, STREAM_HEAD, sizeof STREAM_HEAD - 1);
    join_ring(c);
}

/* Answers the request in the buffer, once it is whole. A proxy that sends a body without its length is cut off. */
static void take_request(Connection *c) {
    c->in[c->in_bytes] = '\0';
    char *end = strstr(c->in, "\r\n\r\n");
    if (end == NULL) return;
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    size_t body_bytes = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    size_t whole = (size_t)(end + 4 - c->in) + body_bytes;
    if (body_bytes == 0 && strncmp(c->in, "GET ", 4) != 0) c->broken = true;
    if (c->broken || c->in_bytes < whole) return;
    answer(c, end + 4);
    memmove(c->in, c->in + whole, c->in_bytes - whole);
    c->in_bytes -= whole;
}

static void read_in(Connection *c) {
    ssize_t n = recv(c->fd, c->in + c->in_bytes, REQUEST_MAX_BYTES - c->in_bytes, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) c->broken = true;
    if (n <= 0) return;
    c->in_bytes += (size_t)n;
    if (!c->streaming) take_request(c);
}

static void close_broken(Connection *c) {
    if (!c->broken) return;
    leave_ring(c);
    close(c->fd);
    free(c);
}

static void handle(Connection *c, uint32_t events) {
    if (events & EPOLLOUT) {
        flush(c);
        if (c->out_bytes == 0) watch(c, EPOLLIN);
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_in(c);
    close_broken(c);
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, bytes) || listen(listener, BACKLOG) ||
        getsockname(listener, (struct sockaddr *)&address, &bytes)) {
        perror("mock");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

/* How long the next epoll_wait may sleep: not at all while tokens are due, a tick while streams are open. */
static int step_all(void) {
    bool more = false;
    int64_t now = now_ns();
    for (Connection *c = streams.next, *next; c != &streams; c = next) {
        next = c->next;
        more |= step(c, now);
        close_broken(c);
    }
    return more ? 0 : streams.next == &streams ? -1 : TICK_MS;
}

int main(void) {
    poller = epoll_create1(0);
    int listener = listen_somewhere();
    struct epoll_event events[EVENTS_AT_ONCE], listening = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening);
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS_AT_ONCE, step_all());
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(listener);
            else
                handle(events[i].data.ptr, events[i].events);
        }
    }
}
