// Allocates in a resolver, which chooses a function while the program is still being linked: before any constructor,
// and before thread-local variables have their first values.
#include <string.h>
#include "check.h"

static char *resolved[3];
static int seven(void) { return 7; }

static int (*resolve(void))(void) {
    resolved[0] = malloc(50);
    resolved[1] = calloc(1, 5000);
    resolved[2] = realloc(malloc(100000), 6 << 20);
    free(malloc(300));
    return seven;
}

static int chosen(void) __attribute__((ifunc("resolve")));

int main(void) {
    CHECK(chosen() == 7);
    static const size_t sizes[] = {50, 5000, 6 << 20};
    for (int i = 0; i < 3; i++) {
        CHECK(resolved[i]);
        memset(resolved[i], 1, sizes[i]);
        char *other = malloc(sizes[i]);
        CHECK(other && other != resolved[i]);
        free(resolved[i]);
        free(other);
    }
    puts("all is as it should be");
    return 0;
}
