// Threads that start and end all the time and free each other's blocks: in the children of forks, where the heaps of
// the parent's threads are left behind, and in children of theirs.
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

enum { THREADS = 8, CHILDREN = 6, SECONDS = 100 };

static _Atomic(void *) shared[256];

static void work(unsigned seed, int count) {
    for (int i = 0; i < count; i++) {
        seed = seed * 1664525 + 1013904223;
        size_t size = (seed >> 8) % (seed % 256 ? 1500 : 150000) + 1;
        char *block = malloc(size);
        CHECK(block);
        block[0] = block[size - 1] = 1;
        free(atomic_exchange(&shared[seed >> 3 & 255], block));
    }
}

static void *run(void *seed) {
    work((unsigned)(size_t)seed, 300);
    return NULL;
}

static void generations(int count) {
    for (int round = 0; round < count; round++) {
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            CHECK(pthread_create(&threads[i], NULL, run, (void *)(round * THREADS + i)) == 0);
        }
        work(round, 200);
        // Some of the time there is nothing to do, which the allocator uses to give back.
        if (round % 50 == 0) usleep(30000);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void in_a_child(int count, int deeper) {
    pid_t child = fork();
    if (child == 0) {
        // A child that hangs is ended.
        alarm(SECONDS);
        generations(count);
        if (deeper) in_a_child(count / 4, 0);
        _exit(0);
    }
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    generations(100);
    for (int i = 0; i < CHILDREN; i++) {
        in_a_child(400, 1);
        work(i, 3000);
    }
    puts("all is as it should be");
    return 0;
}
