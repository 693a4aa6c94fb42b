/* To be loaded before libc: allocation number `failing_at` from now on, of at least `failing_from`
   bytes, fails. */

#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

long failing_at = -1; /* -1: none does */
size_t failing_from = 0;

static int fails(size_t size) {
    if (size < failing_from || __atomic_load_n(&failing_at, __ATOMIC_RELAXED) < 0) return 0;
    if (__atomic_fetch_sub(&failing_at, 1, __ATOMIC_RELAXED) != 0) return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return fails(size) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
    return fails(count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) { return fails(size) ? NULL : __libc_realloc(old, size); }

void *aligned_alloc(size_t alignment, size_t size) {
    return fails(size) ? NULL : __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }

int posix_memalign(void **place, size_t alignment, size_t size) {
    void *found = aligned_alloc(alignment, size);
    if (found == NULL) return ENOMEM;
    *place = found;
    return 0;
}
