// Opens the libraries that are named and passes memory to and fro. Says how many could be opened.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include "check.h"

static void try(void *library) {
    char *(*copy)(const char *) = (char *(*)(const char *))dlsym(library, "plugin_copy");
    char *(*duplicate)(const char *) = (char *(*)(const char *))dlsym(library, "plugin_duplicate");
    void (*give)(void *) = (void (*)(void *))dlsym(library, "plugin_free");
    char *(*space)(void) = (char *(*)(void))dlsym(library, "plugin_space");
    CHECK(copy && duplicate && give);
    for (int i = 0; i < 1000; i++) {
        char *theirs = copy("a text"), *ours = malloc(100 + i), *third = duplicate("another");
        CHECK(theirs && ours && third && !strcmp(theirs, "a text") && !strcmp(third, "another"));
        free(theirs);
        give(ours);
        give(third);
    }
    if (space) memset(space(), 1, 64);
}

int main(int count, char **arguments) {
    int opened = 0;
    for (int i = 1; i < count; i++) {
        void *library = dlopen(arguments[i], RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            CHECK(strstr(dlerror(), "static TLS"));
            break;
        }
        try(library);
        opened++;
        if (!dlsym(library, "plugin_space")) dlclose(library);
    }
    printf("%d opened\n", opened);
    return 0;
}
