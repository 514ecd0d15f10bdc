// Threads that do nothing but end. The C library keeps 40 MB of stacks; what is above it frees with a lock held that
// pthread_create needs as well. So nothing that the allocator does in free may wait for that.
#include <pthread.h>
#include "check.h"

enum { THREADS = 16, ROUNDS = 1000 };

static void *run(void *barrier) {
    pthread_barrier_wait(barrier);
    return NULL;
}

int main(void) {
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        pthread_barrier_t barrier;
        pthread_attr_t attributes;
        pthread_barrier_init(&barrier, NULL, THREADS);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 8 << 20);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], &attributes, run, &barrier) == 0);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
        pthread_attr_destroy(&attributes);
        pthread_barrier_destroy(&barrier);
    }
    puts("all is as it should be");
    return 0;
}
