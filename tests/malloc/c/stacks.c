// Threads that do nothing but end. The C library keeps 40 MB of stacks; what is above it frees with a lock held that
// pthread_create needs as well: free may not start a thread then. The allocator starts its own once a megabyte has been
// freed, so children of a fork come near that by other blocks, and go on with stacks.
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

enum { CHILDREN = 8, THREADS = 16, ROUNDS = 150, PAGE = 4096 };

// Not to be known to the compiler, which leaves out what is freed at once.
static void *(*volatile allocate)(size_t) = malloc;

static void *run(void *barrier) {
    pthread_barrier_wait(barrier);
    return NULL;
}

// In a thread of its own, so that most of what the library allocates for the others is not freed where it was allocated.
static void *start_and_end(void *attributes) {
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], attributes, run, &barrier) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    pthread_barrier_destroy(&barrier);
    return NULL;
}

int main(void) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 8 << 20);
    for (int pages = 0; pages < CHILDREN; pages++) {
        pid_t child = fork();
        if (child == 0) {
            // What hangs here hangs with all signals blocked.
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            free(allocate((1 << 20) - (pages + 1) * PAGE));
            for (int round = 0; round < ROUNDS; round++) {
                pthread_t thread;
                CHECK(pthread_create(&thread, NULL, start_and_end, &attributes) == 0);
                CHECK(pthread_join(thread, NULL) == 0);
            }
            _exit(0);
        }
        int status = 1;
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
    puts("all is as it should be");
    return 0;
}
