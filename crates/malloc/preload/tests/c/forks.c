// Forks 300 times while four threads allocate and free each other's blocks. Each child allocates, starts a thread,
// forks once more and ends. A child that hangs is ended by its alarm, which counts as a failure.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic(void *) shared[64];
static atomic_int stop;

static void churn(unsigned *seed, int count) {
    while (count-- > 0 && !atomic_load(&stop)) {
        unsigned r = *seed = *seed * 1664525 + 1013904223;
        size_t size = (r >> 8) % ((r & 63) ? 2000 : 200000);
        char *block = malloc(size + 1);
        if (!block) abort();
        block[0] = block[size] = 1;
        free(atomic_exchange(&shared[(r >> 3) % 64], block));
    }
}

static void *thread_main(void *seed) {
    unsigned own = (unsigned)(size_t)seed;
    churn(&own, 1 << 30);
    return NULL;
}

static void *thread_in_child(void *unused) {
    unsigned seed = 5;
    churn(&seed, 500);
    return unused;
}

int main(void) {
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, thread_main, (void *)(i + 1));
    int failed = 0;
    for (int round = 0; round < 300; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            unsigned seed = round;
            churn(&seed, 3000);
            pthread_t thread;
            if (pthread_create(&thread, NULL, thread_in_child, NULL) || pthread_join(thread, NULL)) _exit(3);
            pid_t grandchild = fork();
            if (grandchild == 0) {
                alarm(20);
                churn(&seed, 100);
                _exit(0);
            }
            int status;
            waitpid(grandchild, &status, 0);
            _exit(status != 0);
        }
        unsigned seed = round + 1000;
        churn(&seed, 100);
        int status = 1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            fprintf(stderr, "fork %d: status %x\n", round, status);
            failed++;
        }
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    printf("%d of 300 children failed\n", failed);
    return failed != 0;
}
