// The longest time that a thread waits for its allocator while another's 600 MB go back to the system. Prints it in
// microseconds, and how many of the waits took over 100 microseconds. The time that the thread could have run but had
// no processor does not count: that is the scheduler's doing.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 300000, KEPT_EVERY = 1000, SLOTS = 1000, SECONDS = 2 };

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

// Nanoseconds that this thread has waited for a processor so far, the second number of schedstat.
static uint64_t without_processor(int schedstat) {
    char text[100] = {0};
    if (pread(schedstat, text, sizeof text - 1, 0) <= 0) abort();
    return strtoull(strchr(text, ' '), NULL, 10);
}

static void *fresh(size_t size) {
    char *block = malloc(size);
    if (!block) abort();
    memset(block, 1, size);
    return block;
}

static pthread_barrier_t spike_is_there;

static void *spike(void *unused) {
    static void *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) blocks[i] = fresh(600 + (size_t)i * 37 % 3000);
    pthread_barrier_wait(&spike_is_there);
    for (int i = 0; i < BLOCKS; i++) {
        if (i % KEPT_EVERY) free(blocks[i]);
    }
    return unused;
}

int main(void) {
    static void *slots[SLOTS];
    uint32_t seed = 12345;
    pthread_t other;
    pthread_barrier_init(&spike_is_there, NULL, 2);
    pthread_create(&other, NULL, spike, NULL);
    pthread_barrier_wait(&spike_is_there);
    int schedstat = open("/proc/thread-self/schedstat", O_RDONLY);
    int64_t longest = 0, over = 0;
    uint64_t end = now() + (uint64_t)SECONDS * 1000000000;
    for (uint64_t before; (before = now()) < end;) {
        uint64_t idle = without_processor(schedstat);
        seed = seed * 1664525 + 1013904223;
        void **slot = &slots[(seed >> 8) % SLOTS];
        free(*slot);
        // Now and then one that needs pages of its own.
        *slot = fresh(seed >> 22 ? 16 + seed % 500 : 65536);
        int64_t waited = (int64_t)(now() - before - (without_processor(schedstat) - idle));
        if (waited > longest) longest = waited;
        over += waited > 100000;
    }
    pthread_join(other, NULL);
    printf("%.1f %lld\n", (double)longest / 1000, (long long)over);
    return 0;
}
