// Allocation-heavy programs in miniature, one a run: speed NAME; without a name, prints the names.
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *(*volatile take)(size_t) = malloc;
static void *(*volatile resize)(void *, size_t) = realloc;
static void (*volatile give)(void *) = free;

static uint32_t next(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

static void *fresh(size_t size) {
    char *block = take(size);
    if (!block) abort();
    block[0] = block[size - 1] = 1;
    return block;
}

// One block after the other.
static void simple(uint32_t seed) {
    for (int i = 0; i < 60000000; i++) give(fresh(16 + (seed + i) % 200));
}

// A stack of blocks that grows and shrinks.
static void stack(uint32_t seed) {
    static _Thread_local void *blocks[4000];
    for (int round = 0; round < 6000; round++) {
        for (int i = 0; i < 4000; i++) blocks[i] = fresh(16 + (next(&seed) & 127));
        for (int i = 3999; i >= 0; i--) give(blocks[i]);
    }
}

// Blocks of random size and random life, as in a server.
static void lives_of(uint32_t seed, int slots, uint32_t largest, int count) {
    void **blocks = calloc(slots, sizeof *blocks);
    for (int i = 0; i < count; i++) {
        uint32_t r = next(&seed);
        void **slot = &blocks[r % slots];
        give(*slot);
        *slot = fresh(16 + next(&seed) % largest);
    }
    for (int i = 0; i < slots; i++) give(blocks[i]);
    free(blocks);
}

static void lives(uint32_t seed) { lives_of(seed, 1000, 500, 20000000); }
static void many_lives(uint32_t seed) { lives_of(seed, 500000, 200, 6000000); }
static void mixed_lives(uint32_t seed) { lives_of(seed, 2000, 20000, 4000000); }

// Eight strings that grow a little at a time, in turn, so that none can simply grow where it is.
static void growth(uint32_t seed) {
    for (int round = 0; round < 1000; round++) {
        char *blocks[8] = {0};
        for (size_t size = 16; size < 400000; size += 16 + size / 8) {
            for (int i = 0; i < 8; i++) {
                blocks[i] = resize(blocks[i], size);
                blocks[i][size - 1] = 1;
            }
        }
        for (int i = 0; i < 8; i++) give(blocks[i]);
    }
    (void)seed;
}

// Blocks of 5 to 25 MB, of which a few bytes a page are used.
static void large(uint32_t seed) {
    char *blocks[16] = {0};
    for (int i = 0; i < 600; i++) {
        char **slot = &blocks[next(&seed) % 16];
        give(*slot);
        size_t size = 5000000 + next(&seed) % 20000000;
        *slot = take(size);
        for (size_t at = 0; at < size; at += 4096) (*slot)[at] = 1;
    }
    for (int i = 0; i < 16; i++) give(blocks[i]);
}

static void on_two_threads(void *(*work)(void *)) {
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) pthread_create(&threads[i], NULL, work, (void *)(i + 1));
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

// What one thread allocates the other frees, in batches.
static void *batches[64][256];
static sem_t full, empty;

static void *produce_or_consume(void *who) {
    uint32_t seed = 7;
    for (int batch = 0; batch < 60000; batch++) {
        void **blocks = batches[batch % 64];
        if (who == (void *)1) {
            sem_wait(&empty);
            for (int i = 0; i < 256; i++) blocks[i] = fresh(16 + next(&seed) % 300);
            sem_post(&full);
        } else {
            sem_wait(&full);
            for (int i = 0; i < 256; i++) give(blocks[i]);
            sem_post(&empty);
        }
    }
    return NULL;
}

static void pipeline(uint32_t seed) {
    (void)seed;
    sem_init(&full, 0, 0);
    sem_init(&empty, 0, 64);
    on_two_threads(produce_or_consume);
}

// Two threads replace blocks in one table, so that each frees what the other allocated half of the time.
static _Atomic(void *) table[4096];

static void *replace(void *who) {
    uint32_t seed = (uint32_t)(uintptr_t)who * 77;
    for (int i = 0; i < 8000000; i++) {
        void *block = fresh(16 + next(&seed) % 400);
        give(atomic_exchange(&table[next(&seed) % 4096], block));
    }
    return NULL;
}

static void exchange(uint32_t seed) {
    (void)seed;
    on_two_threads(replace);
}

// Each thread writes to small blocks of its own; whether they share cache lines with the other's tells.
static void *given[2];

static void *scratch_thread(void *who) {
    give(given[(uintptr_t)who - 1]);
    for (int i = 0; i < 600000; i++) {
        volatile char *block = fresh(8);
        for (int write = 0; write < 300; write++) block[write & 7]++;
        give((void *)block);
    }
    return NULL;
}

// They begin with blocks that the first thread gave them, side by side.
static void scratch(uint32_t seed) {
    (void)seed;
    for (int i = 0; i < 2; i++) given[i] = fresh(8);
    on_two_threads(scratch_thread);
}

// They begin with blocks of their own.
static void thrash(uint32_t seed) {
    (void)seed;
    for (int i = 0; i < 2; i++) given[i] = NULL;
    on_two_threads(scratch_thread);
}

static void *lives_thread(void *who) {
    lives_of((uint32_t)(uintptr_t)who, 5000, 1000, 8000000);
    return NULL;
}

static void two_servers(uint32_t seed) {
    (void)seed;
    on_two_threads(lives_thread);
}

// A server whose threads end and hand what they hold to their successors, which free it bit by bit.
static void *held[2][2000];

static void *successor(void *who) {
    static _Atomic uint32_t count;
    uint32_t seed = 1 + atomic_fetch_add(&count, 1);
    void **slots = held[(uintptr_t)who - 1];
    for (int i = 0; i < 20000; i++) {
        void **slot = &slots[next(&seed) % 2000];
        give(*slot);
        *slot = fresh(16 + next(&seed) % 1000);
    }
    return NULL;
}

static void handover(uint32_t seed) {
    (void)seed;
    for (int generation = 0; generation < 250; generation++) on_two_threads(successor);
    for (int i = 0; i < 4000; i++) give(held[i / 2000][i % 2000]);
}

static const struct {
    const char *name;
    void (*run)(uint32_t);
} programs[] = {
    {"simple", simple},     {"stack", stack},       {"lives", lives},       {"many_lives", many_lives},
    {"mixed", mixed_lives}, {"growth", growth},     {"large", large},       {"pipeline", pipeline},
    {"exchange", exchange}, {"scratch", scratch},   {"thrash", thrash},     {"two_servers", two_servers},
    {"handover", handover},
};

int main(int count, char **arguments) {
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (count < 2) {
            puts(programs[i].name);
        } else if (!strcmp(arguments[1], programs[i].name)) {
            programs[i].run(12345);
            return 0;
        }
    }
    return count < 2 ? 0 : 1;
}
