// Forks 300 times while four threads allocate and free each other's blocks. Each child allocates, starts a thread,
// forks once more and ends. A child that hangs is ended by its alarm, which counts as a failure.
// With an argument, the kernel has no membarrier.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic(void *) shared[64];
static atomic_int stop;

static void churn(unsigned *seed, int count) {
    while (count-- > 0 && !atomic_load(&stop)) {
        unsigned r = *seed = *seed * 1664525 + 1013904223;
        size_t size = (r >> 8) % ((r & 63) ? 2000 : 200000);
        char *block = malloc(size + 1);
        if (!block) abort();
        block[0] = block[size] = 1;
        free(atomic_exchange(&shared[(r >> 3) % 64], block));
    }
}

static void *thread_main(void *seed) {
    unsigned own = (unsigned)(size_t)seed;
    churn(&own, 1 << 30);
    return NULL;
}

static void *thread_in_child(void *unused) {
    unsigned seed = 5;
    churn(&seed, 500);
    return unused;
}

static void forbid_membarrier(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) abort();
    if (syscall(SYS_membarrier, 0, 0, 0) != -1 || errno != ENOSYS) abort();
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) forbid_membarrier();
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) pthread_create(&threads[i], NULL, thread_main, (void *)(i + 1));
    int failed = 0;
    for (int round = 0; round < 300; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            unsigned seed = round;
            churn(&seed, 3000);
            pthread_t thread;
            if (pthread_create(&thread, NULL, thread_in_child, NULL) || pthread_join(thread, NULL)) _exit(3);
            pid_t grandchild = fork();
            if (grandchild == 0) {
                alarm(20);
                churn(&seed, 100);
                _exit(0);
            }
            int status;
            waitpid(grandchild, &status, 0);
            _exit(status != 0);
        }
        unsigned seed = round + 1000;
        churn(&seed, 100);
        int status = 1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
            fprintf(stderr, "fork %d: status %x\n", round, status);
            failed++;
        }
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    printf("%d of 300 children failed\n", failed);
    return failed != 0;
}
