// A malloc that somebody else brings along: blocks one behind the other, none of which ever comes back.

#include <stddef.h>
#include <string.h>

static _Alignas(16) char memory[1 << 28];
static size_t used;

void *malloc(size_t size) {
    size_t whole = (size + 31) & ~(size_t)15;
    size_t at = __atomic_fetch_add(&used, whole, __ATOMIC_RELAXED);
    if (size > sizeof memory || at + whole > sizeof memory) return NULL;
    *(size_t *)(memory + at) = size;
    return memory + at + 16;
}

void free(void *block) { (void)block; }

void *calloc(size_t count, size_t size) { return malloc(count * size); }

void *realloc(void *block, size_t size) {
    char *larger = malloc(size);
    size_t old = block ? *(size_t *)((char *)block - 16) : 0;
    if (larger) memcpy(larger, block ? block : larger, old < size ? old : size);
    return larger;
}
