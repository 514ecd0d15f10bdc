// Allocates in everything that runs before main and after it. The memory of each is freed by the next.
#include <string.h>
#include "check.h"

static char *kept[4];

static void keep(int place, size_t size) {
    CHECK(kept[place] = malloc(size));
    memset(kept[place], place + 1, size);
}

static void take(int place, size_t size) {
    CHECK(kept[place] && kept[place][0] == place + 1 && kept[place][size - 1] == place + 1);
    free(kept[place]);
    kept[place] = NULL;
}

static void first(void) { keep(0, 100); }
__attribute__((section(".preinit_array"), used)) static void (*before_all)(void) = first;

__attribute__((constructor(101))) static void second(void) {
    take(0, 100);
    keep(1, 100000);
}

__attribute__((constructor)) static void third(void) {
    take(1, 100000);
    keep(2, 20 << 20);
}

static void at_exit(void) {
    take(3, 3000);
    keep(0, 64);
}

__attribute__((destructor)) static void last(void) {
    take(0, 64);
    free(malloc(9 << 20));
    puts("all is as it should be");
}

int main(void) {
    take(2, 20 << 20);
    keep(3, 3000);
    CHECK(atexit(at_exit) == 0);
    return 0;
}
