/* Holds and frees memory as it is told by lines on standard input, and answers each with a line. Talks by read and
 * write alone, so that it has no other blocks than it is told to have. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../include/planet_malloc.h"

enum { MOST = 1 << 20 };
static void *blocks[MOST];
static long held;

static int line(char *into, int size) {
    int len = 0;
    while (len < size - 1 && read(0, into + len, 1) == 1) {
        if (into[len] == '\n') {
            into[len] = 0;
            return 1;
        }
        len++;
    }
    return 0;
}

static void answer(const char *format, long a, long b) {
    char text[100];
    int len = snprintf(text, sizeof text, format, a, b);
    if (write(1, text, len) != len)
        _exit(3);
}

static void hold(long count, long size) {
    while (count-- > 0 && held < MOST)
        memset(blocks[held++] = malloc(size), 1, size);
}

static void drop(void) {
    while (held > 0)
        free(blocks[--held]);
}

int main(int count, char **arguments) {
    static char text[100];
    static struct planet_malloc_figures figures;
    (void)count;
    void *volatile first = malloc(1); /* From here on there is a page. */
    (void)first;
    answer("ready %ld\n", getpid(), 0);
    while (line(text, sizeof text)) {
        char what[20] = "";
        long blocks_wanted = 0, size = 0;
        sscanf(text, "%19s %ld %ld", what, &blocks_wanted, &size);
        if (!strcmp(what, "hold"))
            hold(blocks_wanted, size);
        else if (!strcmp(what, "drop"))
            drop();
        else if (!strcmp(what, "release"))
            malloc_trim(0);
        else if (!strcmp(what, "spike")) {
            hold(blocks_wanted, size);
            drop();
        } else if (!strcmp(what, "count")) {
            size_t (*count_now)(struct planet_malloc_figures *, size_t) =
                (size_t(*)(struct planet_malloc_figures *, size_t))dlsym(RTLD_DEFAULT, "planet_malloc_figures");
            if (!count_now || count_now(&figures, sizeof figures) != sizeof figures)
                _exit(4);
            answer("%ld %ld\n", figures.live, figures.resident);
            continue;
        } else if (!strcmp(what, "fork")) {
            pid_t child = fork();
            if (child == 0) {
                answer("ready %ld\n", getpid(), 0);
                continue;
            }
            waitpid(child, 0, 0);
        } else if (!strcmp(what, "exec"))
            execv("/proc/self/exe", arguments);
        else if (!strcmp(what, "leave")) { /* Becomes a program without the allocator. */
            unsetenv("LD_PRELOAD");
            execv("/proc/self/exe", arguments);
        } else if (!strcmp(what, "_exit"))
            _exit(0);
        else if (!strcmp(what, "exit"))
            exit(0);
        answer("done\n", 0, 0);
    }
    return 0;
}
