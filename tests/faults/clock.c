/*
 * A wall clock that a test sets while a program runs: a library that is preloaded into the program.
 *
 * The file that WALL_CLOCK names holds by how many nanoseconds the clock is ahead of the true one. As with any clock
 * that somebody sets, a wait until a time of day ends when the clock shows that time, whenever it was begun.
 * Not responsible for: clocks that nobody can set, and waits that no program under test uses.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

#define SECOND 1000000000LL
/* How late it may be noticed that the clock was set. */
#define GLANCE (SECOND / 100)

static const _Atomic int64_t *ahead;
static int (*true_clock)(clockid_t, struct timespec *);
static int (*true_signal)(cnd_t *);
static int (*true_broadcast)(cnd_t *);

__attribute__((constructor)) static void begin(void) {
    true_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    true_signal = (int (*)(cnd_t *))dlsym(RTLD_NEXT, "cnd_signal");
    true_broadcast = (int (*)(cnd_t *))dlsym(RTLD_NEXT, "cnd_broadcast");
    int file = open(getenv("WALL_CLOCK"), O_RDONLY | O_CLOEXEC);
    void *shared = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED) abort();
    ahead = shared;
}

static int64_t nanoseconds(struct timespec time) {
    return time.tv_sec * SECOND + time.tv_nsec;
}

static struct timespec parts(int64_t nanoseconds) {
    return (struct timespec){nanoseconds / SECOND, nanoseconds % SECOND};
}

/* Threads of other libraries may ask before this one has begun. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!true_clock) begin();
    int failed = true_clock(clock, time);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *time = parts(nanoseconds(*time) + *ahead);
    return failed;
}

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return nanoseconds(time);
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec found = parts(now(CLOCK_REALTIME));
    *time = (struct timeval){found.tv_sec, found.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *time) {
    time_t seconds = now(CLOCK_REALTIME) / SECOND;
    if (time) *time = seconds;
    return seconds;
}

int timespec_get(struct timespec *time, int base) {
    return clock_gettime(CLOCK_REALTIME, time) ? 0 : base;
}

/* How often conditions were signalled: a signal may come while a waiting thread looks at the clock. */
static atomic_uint signals[4096];

static atomic_uint *signals_of(cnd_t *condition) {
    return &signals[((uintptr_t)condition >> 4) % 4096];
}

int cnd_signal(cnd_t *condition) {
    ++*signals_of(condition);
    return true_signal(condition);
}

int cnd_broadcast(cnd_t *condition) {
    ++*signals_of(condition);
    return true_broadcast(condition);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until) {
    unsigned before = *signals_of(condition);
    for (;;) {
        int64_t left = nanoseconds(*until) - now(CLOCK_REALTIME);
        if (left <= 0) return thrd_timedout;
        struct timespec glance = parts(now(CLOCK_MONOTONIC) + (left < GLANCE ? left : GLANCE));
        int ended = pthread_cond_clockwait(
            (pthread_cond_t *)condition, (pthread_mutex_t *)mutex, CLOCK_MONOTONIC, &glance);
        if (ended != ETIMEDOUT) return ended ? thrd_error : thrd_success;
        if (before != *signals_of(condition)) return thrd_success;
    }
}
