// Takes memory until a limit on the address space ends it, frees it, and finds all of it again.
#include <string.h>
#include <sys/resource.h>
#include "check.h"

struct block {
    struct block *next;
};

static size_t fill(size_t size) {
    struct block *first = NULL, *block;
    size_t count = 0;
    errno = 0;
    while ((block = malloc(size))) {
        memset(block, 1, size);
        block->next = first;
        first = block;
        count++;
    }
    CHECK(errno == ENOMEM);
    CHECK(!calloc(1, 200 << 20) && !realloc(NULL, 200 << 20));
    while ((block = first)) {
        first = block->next;
        free(block);
    }
    return count;
}

int main(void) {
    size_t limit = 400 << 20;
    CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}) == 0);
    static const size_t sizes[] = {40, 1000, 40000, 3 << 20, 20 << 20};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t got = fill(sizes[i]) * sizes[i];
            fprintf(stderr, "%zu bytes in blocks of %zu\n", got, sizes[i]);
            CHECK(got > limit / 2);
        }
    }
    puts("all is as it should be");
    return 0;
}
