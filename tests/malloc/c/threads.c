// 64 threads in a ring: each allocates for the next one, which looks whether the memory is as it was written, and frees
// it. Half of them end early, with blocks of theirs still in others' hands.
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include "check.h"

enum { THREADS = 64, PLACES = 128, ROUNDS = 100000 };

struct block {
    size_t size;
    uint64_t mark;
};

static _Atomic(struct block *) places[THREADS][PLACES];
static atomic_size_t taken, given;

static void check_and_free(struct block *block) {
    if (!block) return;
    uint64_t mark;
    memcpy(&mark, (char *)block + block->size - sizeof mark, sizeof mark);
    CHECK(block->mark == (block->size ^ (uintptr_t)block) && mark == block->mark);
    atomic_fetch_add(&given, 1);
    free(block);
}

static void *run(void *argument) {
    size_t own = (size_t)argument;
    uint32_t seed = own + 1;
    for (int round = 0; round < (own % 2 ? ROUNDS : ROUNDS / 10); round++) {
        seed = seed * 1664525 + 1013904223;
        size_t size = sizeof(struct block) + 8 + (seed >> 8) % (seed % 128 ? 1000 : 100000);
        struct block *block = malloc(size);
        CHECK(block);
        block->size = size;
        block->mark = size ^ (uintptr_t)block;
        memcpy((char *)block + size - 8, &block->mark, 8);
        atomic_fetch_add(&taken, 1);
        check_and_free(atomic_exchange(&places[(own + 1) % THREADS][seed >> 25], block));
        check_and_free(atomic_exchange(&places[own][seed >> 12 & 127], NULL));
    }
    return NULL;
}

int main(void) {
    size_t before = mallinfo2().uordblks;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, run, (void *)i) == 0);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
        for (int j = 0; j < PLACES; j++) check_and_free(places[i][j]);
    }
    CHECK(taken == given);
    // The C library keeps some for threads to come.
    size_t after = mallinfo2().uordblks;
    fprintf(stderr, "%zu bytes live before, %zu after\n", before, after);
    CHECK(after < before + (1 << 20));
    printf("%zu blocks\n", (size_t)taken);
    return 0;
}
