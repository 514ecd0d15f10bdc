/* What libplanet_malloc.so offers beside malloc and its family.
 *
 * A program that may or may not run on the allocator looks these up with dlsym(RTLD_DEFAULT, "planet_malloc_version")
 * and so on; one that links the library calls them. All of them may be called from every thread at any time, but not
 * from a signal handler.
 */
#ifndef PLANET_MALLOC_H
#define PLANET_MALLOC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, such as "0.1.0". Never freed. */
const char *planet_malloc_version(void);

/* Gives back to the system at once all memory that holds nothing, without waiting for the usual second. For a program
 * that knows when it is idle, such as an event loop before it waits. Takes some 0.1 ms for each megabyte given back.
 * Returns 1 if that was anything, else 0. malloc_trim(0) does the same. */
int planet_malloc_release(void);

/* The most sizes of slots there are. */
#define PLANET_MALLOC_CLASSES 128

/* Slots of one size. A block of up to 32 KiB is a slot. */
struct planet_malloc_class {
    uint64_t slot_size;   /* bytes of a slot */
    uint64_t live;        /* slots that the program holds */
    uint64_t allocations; /* slots handed out so far; one that was freed and taken again at once may be missing */
    uint64_t frees;       /* slots freed so far, with the same reserve */
};

/* What the process holds, in bytes unless said. Peaks are of the last second, ten seconds and minute, and of up to a
 * second more. */
struct planet_malloc_figures {
    uint64_t live;        /* in blocks that the program holds, with what was rounded up */
    uint64_t mapped;      /* address space in use */
    uint64_t resident;    /* of it, what may be in memory */
    uint64_t cached;      /* in freed large blocks that are kept for reuse */
    uint64_t returned;    /* given back to the system so far */
    uint64_t limit;       /* the advised limit of resident bytes, PLANET_MALLOC_LIMIT; 0 for none */
    uint64_t peak_live_1s, peak_live_10s, peak_live_60s;
    uint64_t peak_resident_1s, peak_resident_10s, peak_resident_60s;
    uint64_t allocations; /* how many blocks of all sizes so far, with the reserve above */
    uint64_t frees;       /* how many of them were freed */
    uint64_t class_count; /* how many of the classes below are filled: those with allocations, the smallest first */
    struct planet_malloc_class classes[PLANET_MALLOC_CLASSES];
};

/* Counts, and fills in the first SIZE bytes of OUT, where SIZE is sizeof(struct planet_malloc_figures) as the program
 * was compiled: later versions may add fields at the end. What this version does not know becomes 0. Takes about 0.1 ms
 * for each 100 MB. Returns how many bytes this version knows. */
size_t planet_malloc_figures(struct planet_malloc_figures *out, size_t size);

/* Begins to sample which places in the program allocate and hold memory, once in RATE bytes on average; 0 stands for
 * the usual 512 KiB. Allocations take longer from then on, as long as the process lives. Returns 0, or -1 with errno
 * set: EALREADY if it has begun before, also by the environment (PLANET_MALLOC_PROFILE), or ENOMEM. */
int planet_malloc_profile_start(uint64_t rate);

/* Writes what was sampled so far to a file in pprof's format, with the names of functions, files and lines. Takes from
 * some milliseconds to some seconds, as large as the program's debug information is. Returns 0, or -1 with errno set:
 * EINVAL if planet_malloc_profile_start has not been called, or why the file cannot be written. */
int planet_malloc_profile_write(const char *path);

#ifdef __cplusplus
}
#endif

#endif
