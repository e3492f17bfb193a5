/*
 * Makes file calls of a process fail: preloaded (LD_PRELOAD), it stands between the process and the system's library, for files
 * below the folder WEIR_FAULT_FOLDER. The file WEIR_FAULT_CONTROL, mapped into memory, says which calls fail: two 32-bit integers,
 * the error's number and the share of calls in percent. Calls that only read pass.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const volatile struct { int error, percent; } *control;
static const char *folder;
static unsigned int calls;

__attribute__((constructor)) static void prepare(void) {
  const char *path = getenv("WEIR_FAULT_CONTROL");
  folder = getenv("WEIR_FAULT_FOLDER");
  if (path == NULL || folder == NULL) return;
  int fd = open(path, O_RDONLY);
  void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) abort();
  control = map;
}

static int fails(const char *path) {
  if (control == NULL || control->percent == 0 || strncmp(path, folder, strlen(folder)) != 0) return 0;
  /* Spread evenly, and the same in every run: multiples of the golden ratio. */
  unsigned int at = (__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) * 2654435769u) >> 16;
  if (at * 100u >= (unsigned int)control->percent * 65536u) return 0;
  errno = control->error;
  return 1;
}

static int fails_at(int fd) {
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return fails(path);
}

#define REAL(type, name, ...)                                  \
  static type (*real)(__VA_ARGS__);                            \
  if (real == NULL) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define OPEN(name)                                                             \
  int name(const char *path, int flags, ...) {                                 \
    REAL(int, #name, const char *, int, ...);                                  \
    va_list more;                                                              \
    va_start(more, flags);                                                     \
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;           \
    va_end(more);                                                              \
    return (flags & O_ACCMODE) != O_RDONLY && fails(path) ? -1 : real(path, flags, mode); \
  }

OPEN(open)
OPEN(open64)

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(ssize_t, "write", int, const void *, size_t);
  return fails_at(fd) ? -1 : real(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  return fails_at(fd) ? -1 : real(fd, parts, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  return fails_at(fd) ? -1 : real(fd, bytes, length, at);
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  return fails_at(fd) ? -1 : real(fd);
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  return fails_at(fd) ? -1 : real(fd);
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  return fails(from) ? -1 : real(from, to);
}

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  return fails(path) ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  return fails(path) ? -1 : real(path, mode);
}
