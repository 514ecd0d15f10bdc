/* Holds memory in functions of its own, for a heap profile to tell them apart. The first argument says how it goes on
 * then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MB = 1 << 20 };
#define APART __attribute__((noinline, noclone, noipa))

static void *keep(void *block) {
    enum { MOST = 1 << 18 };
    static void *blocks[MOST];
    static long count;
    long place = __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
    if (!block || place >= MOST)
        abort();
    return blocks[place] = block;
}

static APART void hold_small(void) {
    for (int n = 0; n < 16 * MB / 300; n++)
        memset(keep(malloc(300)), 1, 300);
}

static APART void hold_zeroed(void) {
    for (int n = 0; n < 8 * MB / 4000; n++)
        keep(calloc(4, 1000));
}

static APART void hold_aligned(void) {
    for (int n = 0; n < 8 * MB / 700; n++) {
        void *block = NULL;
        if (posix_memalign(&block, 256, 700))
            abort();
        keep(block);
    }
}

static APART void *hold_in_thread(void *unused) {
    for (int n = 0; n < 4 * MB / 1000; n++)
        keep(malloc(1000));
    return unused;
}

static APART void hold_large(void) {
    char *block = malloc(2 * MB);
    for (int megabytes = 4; megabytes <= 24; megabytes += 4)
        block = realloc(block, megabytes * (size_t)MB);
    keep(block);
}

static APART void churn(void) {
    for (int n = 0; n < 32 * MB / 100; n++) {
        char *volatile block = malloc(100);
        free(block);
    }
}

static APART void hold_in_child(void) {
    for (int n = 0; n < 8 * MB / 500; n++)
        keep(malloc(500));
}

static void hold(void) {
    pthread_t threads[4];
    hold_small();
    hold_zeroed();
    hold_aligned();
    for (int n = 0; n < 4; n++)
        pthread_create(&threads[n], NULL, hold_in_thread, NULL);
    for (int n = 0; n < 4; n++)
        pthread_join(threads[n], NULL);
    hold_large();
    churn();
}

static void say(const char *text) {
    puts(text);
    fflush(stdout);
}

int main(int count, char **words) {
    const char *way = count > 1 ? words[1] : "";
    if (!strcmp(way, "call")) {
        int (*start)(uint64_t) = dlsym(RTLD_DEFAULT, "planet_malloc_profile_start");
        int (*write_to)(const char *) = dlsym(RTLD_DEFAULT, "planet_malloc_profile_write");
        if (write_to(words[2]) != -1 || errno != EINVAL)
            return 2;
        if (start(16384) || start(16384) != -1 || errno != EALREADY)
            return 3;
        hold();
        if (write_to("/nowhere/at-all") != -1 || errno != ENOENT)
            return 4;
        return write_to(words[2]) ? 5 : 0;
    }
    hold();
    if (!strcmp(way, "fork")) {
        pid_t child = fork();
        if (!child) {
            hold_in_child();
            exit(0);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status)
            return 6;
        printf("%d %d\n", getpid(), child);
    }
    if (!strcmp(way, "wait")) {
        say("ready");
        /* Until nobody holds the other end. */
        while (getchar() != EOF) {
            hold_in_child();
            say("held");
        }
    }
    return 0;
}
