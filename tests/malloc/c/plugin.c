// A library that is opened by dlopen: it hands memory out and takes memory in.
#include <stdlib.h>
#include <string.h>

#ifdef STATIC_TLS
// Space that the loader must find in what it has set aside for libraries opened later.
__attribute__((tls_model("initial-exec"))) __thread char space[64];
char *plugin_space(void) { return space; }
#endif

char *plugin_copy(const char *text) {
    char *copy = malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

char *plugin_duplicate(const char *text) { return strdup(text); }

void plugin_free(void *block) { free(block); }
