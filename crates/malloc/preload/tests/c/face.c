// Every call of the C face, checked. Ends with 0 when all is as it should be.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dlfcn.h>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

// Newer than the C library that the program may be linked with.
__attribute__((weak)) void free_sized(void *block, size_t size);
__attribute__((weak)) void free_aligned_sized(void *block, size_t align, size_t size);
// The compiler must not reason about what it knows of malloc.
static void *(*volatile plain_malloc)(size_t) = malloc;
static void *(*volatile plain_calloc)(size_t, size_t) = calloc;
static void *(*volatile plain_realloc)(void *, size_t) = realloc;

static int aligned(void *block, size_t align) { return block && (uintptr_t)block % align == 0; }

static void sizes(void) {
    for (size_t size = 0; size < 200000; size += 1 + size / 7) {
        char *block = plain_malloc(size);
        CHECK(aligned(block, 16));
        CHECK(malloc_usable_size(block) >= size);
        memset(block, 7, malloc_usable_size(block));
        free(block);
        block = plain_calloc(size, 3);
        for (size_t i = 0; i < size * 3; i++) CHECK(block[i] == 0);
        free_sized(block, size * 3);
    }
    void *one = plain_malloc(0), *two = plain_malloc(0);
    CHECK(one && two && one != two);
    free(one);
    free(two);
    free(NULL);
    CHECK(malloc_usable_size(NULL) == 0);
}

static void failures(void) {
    errno = 0;
    CHECK(!plain_malloc(SIZE_MAX) && errno == ENOMEM);
    errno = 0;
    CHECK(!plain_malloc((size_t)PTRDIFF_MAX + 1) && errno == ENOMEM);
    errno = 0;
    CHECK(!plain_malloc((size_t)1 << 60) && errno == ENOMEM);
    errno = 0;
    CHECK(!plain_calloc(SIZE_MAX / 2, 3) && errno == ENOMEM);
    errno = 0;
    CHECK(!reallocarray(NULL, SIZE_MAX / 4, 5) && errno == ENOMEM);
    errno = 0;
    CHECK(!pvalloc(SIZE_MAX - 5) && errno == ENOMEM);
    char *kept = plain_malloc(100);
    memset(kept, 42, 100);
    errno = 0;
    CHECK(!plain_realloc(kept, (size_t)1 << 60) && errno == ENOMEM && kept[99] == 42);
    free(kept);
    char *large = plain_malloc(10 << 20);
    large[(10 << 20) - 1] = 42;
    CHECK(!plain_realloc(large, (size_t)1 << 60) && large[(10 << 20) - 1] == 42);
    free(large);
}

static void alignments(void) {
    for (size_t align = 8; align <= (size_t)64 << 20; align *= 2) {
        size_t size = align < 100000 ? align + 13 : 5000;
        void *block = NULL;
        errno = 77;
        CHECK(posix_memalign(&block, align, size) == 0 && aligned(block, align) && errno == 77);
        memset(block, 1, size);
        free(block);
        CHECK(aligned(block = aligned_alloc(align, size), align));
        memset(block, 1, size);
        free_aligned_sized(block, align, size);
        CHECK(aligned(block = memalign(align, 1), align));
        CHECK((block = plain_realloc(block, 300)) != NULL);
        free(block);
    }
    void *block = &block;
    CHECK(posix_memalign(&block, 3, 10) == EINVAL && block == &block);
    CHECK(posix_memalign(&block, 4, 10) == EINVAL);
    CHECK(posix_memalign(&block, (size_t)1 << 62, 10) == ENOMEM);
    errno = 0;
    CHECK(!aligned_alloc(24, 48) && errno == EINVAL);
    CHECK(aligned(block = memalign(24, 48), 32));
    free(block);
    CHECK(aligned(block = valloc(1), 4096));
    free(block);
    CHECK(aligned(block = pvalloc(4097), 4096) && malloc_usable_size(block) >= 8192);
    free(block);
}

static void growing(void) {
    for (int shrink = 0; shrink < 2; shrink++) {
        unsigned char *block = NULL;
        size_t size = 1;
        for (; size < 30u << 20; size += size / 3 + 1) {
            CHECK((block = plain_realloc(block, size)) != NULL);
            block[size - 1] = size % 251;
            block[size / 2] = size % 241;
            if (size > 16) CHECK(block[0] == 1 % 251 || size < 3 || block[0] == 1 % 241);
        }
        while (shrink && size > 40) {
            unsigned char first = block[0];
            size -= size / 3;
            CHECK((block = plain_realloc(block, size)) != NULL && block[0] == first);
        }
        CHECK(!plain_realloc(block, 0));
    }
    void *block = plain_realloc(NULL, 0);
    CHECK(block);
    free(block);
}

static void errno_is_kept(void) {
    void *small = plain_malloc(10), *run = plain_malloc(100000), *large = plain_malloc(300 << 20);
    errno = 123;
    free(small);
    free(run);
    free(large);
    CHECK(errno == 123);
}

static void figures(void) {
    struct mallinfo2 before, after;
    char *block = NULL;
    int attempts = 0;
    // The allocator's thread may count anew in between: until then slots of fresh spans are held to be live.
    do {
        CHECK(attempts++ < 100);
        free(block);
        before = mallinfo2();
        block = plain_malloc(20 << 20);
        memset(block, 1, 20 << 20);
        after = mallinfo2();
    } while (after.uordblks < before.uordblks + (20 << 20));
    CHECK(mallinfo().uordblks >= 20 << 20);
    free(block);
    CHECK(mallinfo2().uordblks < after.uordblks);
    // Without a delay the allocator's own thread may have been faster.
    CHECK(malloc_trim(0) == 1 || getenv("PLANET_MALLOC_DELAY_MS"));
    CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
    char text[2000] = {0};
    FILE *stream = fmemopen(text, sizeof text - 1, "w");
    CHECK(malloc_info(0, stream) == 0 && malloc_info(1, stream) == -1);
    fclose(stream);
    CHECK(strstr(text, "<malloc") && strstr(text, "</malloc>") && strstr(text, "<live size="));
    malloc_stats();
}

static pthread_key_t key;

// A destructor that allocates, and keeps the thread's end going as long as it may.
static void at_the_end(void *block) {
    char *more = plain_malloc(1000);
    memset(more, 3, 1000);
    free(block);
    pthread_setspecific(key, more);
}

static void *with_destructor(void *unused) {
    (void)unused;
    pthread_setspecific(key, plain_malloc(50));
    return plain_malloc(70);
}

static void threads_end(void) {
    pthread_key_create(&key, at_the_end);
    for (int round = 0; round < 200; round++) {
        pthread_t thread;
        void *left;
        CHECK(pthread_create(&thread, NULL, with_destructor, NULL) == 0);
        CHECK(pthread_join(thread, &left) == 0);
        free(left);
    }
}

int main(void) {
    CHECK(dlsym(RTLD_DEFAULT, "planet_malloc_version"));
    sizes();
    failures();
    alignments();
    growing();
    errno_is_kept();
    figures();
    threads_end();
    puts("all is as it should be");
    return 0;
}
