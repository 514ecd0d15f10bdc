// Four threads allocate while a timer interrupts them a thousand times a second, wherever they are. The handler does
// only what POSIX allows in one. With the argument "fork" it makes a child, which ends at once; with "exec", one that
// becomes another program.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "check.h"

enum { THREADS = 4, SIGNALS = 3000, CHILDREN = 300 };

static const char *way = "";
static atomic_int signals, children;
static _Atomic(void *) shared[64];

static void handler(int number) {
    int kept = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    atomic_fetch_add(&signals, number == SIGALRM);
    if (*way && atomic_fetch_add(&children, 1) < CHILDREN) {
        // Unlike fork, this one may be called in a handler: it runs nobody's code in the child.
        pid_t child = _Fork();
        if (child == 0) {
            char *arguments[] = {"true", NULL}, *environment[] = {NULL};
            if (!strcmp(way, "exec")) execve("/bin/true", arguments, environment);
            _exit(strcmp(way, "fork") != 0);
        }
        int status = 1;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
        if (child < 0 || status != 0) abort();
    }
    errno = kept;
}

static void *churn(void *number) {
    unsigned seed = (unsigned)(size_t)number;
    while (atomic_load(&signals) < SIGNALS) {
        seed = seed * 1664525 + 1013904223;
        size_t size = (seed >> 8) % (seed % 64 ? 3000 : seed % 4096 ? 300000 : 9 << 20) + 1;
        unsigned char *block = malloc(size);
        CHECK(block);
        block[0] = block[size - 1] = 1;
        CHECK(block = realloc(block, size / 2 + 1));
        CHECK(block[0] == 1);
        errno = 55;
        free(atomic_exchange(&shared[seed / 64 % 64], block));
        CHECK(errno == 55);
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count > 1) way = arguments[1];
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    timer_t timer;
    struct itimerspec each = {{0, 1000000}, {0, 1000000}};
    CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0 && timer_settime(timer, 0, &each, NULL) == 0);
    // Besides the timer's, which any thread may get, each thread gets signals of its own.
    while (atomic_load(&signals) < SIGNALS) {
        for (int i = 0; i < THREADS; i++) pthread_kill(threads[i], SIGALRM);
        nanosleep(&each.it_interval, NULL);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    printf("%s\n", *way && atomic_load(&children) < CHILDREN ? "too few children" : "all is as it should be");
    return 0;
}
