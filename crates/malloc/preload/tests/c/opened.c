// Opens the library that its argument names by dlopen, after a thread has been started, and uses it from both.
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *(*take)(size_t);
static void (*give)(void *);
static sem_t opened;

static void *use(void *unused) {
    sem_wait(&opened);
    void *blocks[1000];
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 1000; i++) {
            if (!(blocks[i] = take(i * 3 + 1))) exit(2);
            memset(blocks[i], round, i * 3 + 1);
        }
        for (int i = 0; i < 1000; i++) give(blocks[i]);
    }
    return unused ? NULL : take(100);
}

int main(int count, char **arguments) {
    pthread_t thread;
    void *left;
    sem_init(&opened, 0, 0);
    pthread_create(&thread, NULL, use, NULL);
    void *library = count > 1 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    take = (void *(*)(size_t))dlsym(library, "malloc");
    give = (void (*)(void *))dlsym(library, "free");
    if (!take || take == malloc) return 3;
    sem_post(&opened);
    sem_post(&opened);
    use(&thread);
    pthread_join(thread, &left);
    give(left);
    puts("all is as it should be");
    return 0;
}
