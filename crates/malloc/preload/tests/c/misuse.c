// Misuses the heap in the way that its argument names. Every way has to end in an abort.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*volatile plain_free)(void *) = free;
static void *(*volatile plain_malloc)(size_t) = malloc;

static void *free_it(void *block) {
    plain_free(block);
    return NULL;
}

static void *keep_it_twice(void *block) {
    plain_free(plain_malloc(200));
    plain_free(block), plain_free(block);
    return NULL;
}

static void on_a_thread(void *(*work)(void *), void *block) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, block);
    pthread_join(thread, NULL);
}

static void free_elsewhere(void *block) { on_a_thread(free_it, block); }

static void *blocks[5000];

static void allocate_all(void) {
    for (int i = 0; i < 5000; i++) blocks[i] = plain_malloc(100);
}

static void free_all(void) {
    for (int i = 0; i < 5000; i++) plain_free(blocks[i]);
}

int main(int count, char **arguments) {
    const char *how = count > 1 ? arguments[1] : "";
    char on_the_stack[64];
    char *small = plain_malloc(100), *other = plain_malloc(100);
    char *run = plain_malloc(100000), *large = plain_malloc(20 << 20);
    for (int i = 0; i < 1000; i++) on_the_stack[i % 64] = *(volatile char *)plain_malloc(100);
    if (!strcmp(how, "twice")) plain_free(small), plain_free(small);
    if (!strcmp(how, "twice-later")) {
        plain_free(small);
        for (int i = 0; i < 500; i++) plain_free(plain_malloc(200));
        plain_free(small);
    }
    if (!strcmp(how, "twice-but-one")) {
        plain_free(small), plain_free(other), plain_free(small);
        plain_free(plain_malloc(200));
    }
    if (!strcmp(how, "twice-and-taken")) {
        plain_free(small), plain_free(other), plain_free(small);
        *(volatile char *)plain_malloc(100) = 1;
        *(volatile char *)plain_malloc(100) = 1;
        return 0;
    }
    if (!strcmp(how, "twice-after-return")) {
        plain_free(small), malloc_trim(0), plain_free(small);
        plain_free(plain_malloc(200));
    }
    if (!strcmp(how, "twice-in-use")) {
        plain_free(small);
        *(volatile char *)plain_malloc(100) = 1;
        plain_free(small);
    }
    if (!strcmp(how, "twice-elsewhere")) free_elsewhere(small), free_elsewhere(small);
    if (!strcmp(how, "twice-kept-elsewhere")) on_a_thread(keep_it_twice, plain_malloc(200));
    if (!strcmp(how, "twice-written-and-live")) {
        allocate_all();
        plain_free(small), plain_free(other), small[8] ^= 1, plain_free(small);
        plain_free(plain_malloc(200));
        *(volatile char *)plain_malloc(100) = 1;
        free_all();
    }
    if (!strcmp(how, "written-before-move")) {
        allocate_all();
        plain_free(small), plain_free(other), small[8] ^= 1;
        free_all();
    }
    if (!strcmp(how, "here-and-elsewhere")) plain_free(small), free_elsewhere(small);
    if (!strcmp(how, "elsewhere-and-here")) free_elsewhere(small), plain_free(small);
    if (!strcmp(how, "run-twice")) plain_free(run), plain_free(run);
    if (!strcmp(how, "large-twice")) plain_free(large), plain_free(large);
    if (!strcmp(how, "written-after")) plain_free(small), plain_free(other), small[8] ^= 1;
    if (!strcmp(how, "inside")) plain_free(small + 16);
    if (!strcmp(how, "inside-run")) plain_free(run + 65536);
    if (!strcmp(how, "inside-large")) plain_free(large + 4096);
    if (!strcmp(how, "stack")) plain_free(on_the_stack);
    if (!strcmp(how, "static")) plain_free((void *)how);
    if (!strcmp(how, "wild")) plain_free((void *)0x123456789abcdef0);
    if (!strcmp(how, "realloc-freed")) plain_free(run), (void)!realloc(run, 10);
    if (!strcmp(how, "past-the-end")) memset(large, 1, (20 << 20) + 1);
    // What is not seen at once is seen when the slots move on.
    allocate_all(), free_all();
    puts("not caught");
    return 0;
}
