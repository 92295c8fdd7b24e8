// What Swift cannot reach by itself: libpq, epoll (absent from Swift's Glibc module), and the
// character macros of PG_DIAG_*, which the importer skips.
#ifndef EPISODE_LEDGER_CLIBPQ_SHIM_H
#define EPISODE_LEDGER_CLIBPQ_SHIM_H

#include <errno.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum {
    LIBPQ_DIAG_SEVERITY = PG_DIAG_SEVERITY_NONLOCALIZED,
    LIBPQ_DIAG_SQLSTATE = PG_DIAG_SQLSTATE,
    LIBPQ_DIAG_MESSAGE = PG_DIAG_MESSAGE_PRIMARY,
    LIBPQ_DIAG_DETAIL = PG_DIAG_MESSAGE_DETAIL,
    LIBPQ_DIAG_HINT = PG_DIAG_MESSAGE_HINT,
    LIBPQ_DIAG_CONTEXT = PG_DIAG_CONTEXT,
    LIBPQ_DIAG_SCHEMA = PG_DIAG_SCHEMA_NAME,
    LIBPQ_DIAG_TABLE = PG_DIAG_TABLE_NAME,
    LIBPQ_DIAG_COLUMN = PG_DIAG_COLUMN_NAME,
    LIBPQ_DIAG_CONSTRAINT = PG_DIAG_CONSTRAINT_NAME,
};

enum {
    LIBPQ_EPOLL_READ = EPOLLIN | EPOLLRDHUP,
    LIBPQ_EPOLL_WRITE = EPOLLOUT,
    LIBPQ_EPOLL_BROKEN = EPOLLERR | EPOLLHUP | EPOLLRDHUP,
};

static inline int libpq_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int libpq_eventfd_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// Registers a socket without interest; `libpq_epoll_arm` asks for one event at a time.
static inline int libpq_epoll_add(int poll, int socket) {
    struct epoll_event event = {.events = EPOLLONESHOT, .data = {.u64 = 0}};
    return epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event);
}

// Registers the wake-up descriptor, level-triggered, under ticket 0.
static inline int libpq_epoll_add_wakeup(int poll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = 0}};
    return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
}

static inline int libpq_epoll_arm(int poll, int socket, uint32_t events, uint64_t ticket) {
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data = {.u64 = ticket}};
    return epoll_ctl(poll, EPOLL_CTL_MOD, socket, &event);
}

static inline int libpq_epoll_remove(int poll, int socket) {
    struct epoll_event event = {.events = 0, .data = {.u64 = 0}};
    return epoll_ctl(poll, EPOLL_CTL_DEL, socket, &event);
}

enum { LIBPQ_EPOLL_BATCH = 64 };

// Waits for up to LIBPQ_EPOLL_BATCH events; returns their number or -1.
static inline int libpq_epoll_wait(
    int poll, uint64_t *tickets, uint32_t *events, int timeout_milliseconds) {
    struct epoll_event batch[LIBPQ_EPOLL_BATCH];
    int count = epoll_wait(poll, batch, LIBPQ_EPOLL_BATCH, timeout_milliseconds);
    for (int i = 0; i < count; i++) {
        tickets[i] = batch[i].data.u64;
        events[i] = batch[i].events;
    }
    return count;
}

#endif
