// Preloaded into a program, it makes one of the calls fail by which that program reads and writes files of one folder.
// FAULT_ROOT: the folder; FAULT_AT: number of the call among those of the kind, from 1, 0 for none; FAULT_COUNT: file that gets the number of calls;
// FAULT_KIND: kill (before the call), torn (in the middle of writing), enospc (this and all later writing fails), eio (this
// call fails), short (half is read or written), power (as kill, and what wasn't forced to the disk is lost), names (as power, and
// files that were made, renamed or deleted are as they were when their folder was last forced).
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

enum { MOST_FDS = 4096, MOST_FILES = 4096 };

static char root[4096], kind[16], counter[4096];
static long at, calls;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char ours[MOST_FDS];

// Files that were opened for writing: a descriptor of our own, and how much of each is on the disk for certain.
static struct { dev_t dev; ino_t ino; int fd; off_t safe; } files[MOST_FILES];
static int fileCount;

// What was done to names, to be undone: what stood there before has a name of our own as well.
enum { MADE, MADE_FOLDER, RENAMED, DELETED, DELETED_FOLDER };
static struct { int what, forced; char *path, *to, *before; } names[MOST_FILES];
static int nameCount;

__attribute__((constructor)) static void start(void) {
  const char *r = getenv("FAULT_ROOT"), *k = getenv("FAULT_KIND"), *n = getenv("FAULT_AT"), *c = getenv("FAULT_COUNT");
  if (r) snprintf(root, sizeof root, "%s", r);
  if (k) snprintf(kind, sizeof kind, "%s", k);
  if (c) snprintf(counter, sizeof counter, "%s", c);
  at = n ? atol(n) : 0;
}

__attribute__((destructor)) static void stop(void) {
  if (!counter[0]) return;
  FILE *out = fopen(counter, "w");
  if (out) fprintf(out, "%ld\n", calls), fclose(out);
}

static int is(const char *name) { return strcmp(kind, name) == 0; }

// The folder itself too, which is forced after its names were changed.
static int inside(const char *path) {
  size_t n = strlen(root);
  return path && n && strncmp(path, root, n - 1) == 0 && (!path[n - 1] || path[n - 1] == '/');
}

static int known(int fd) { return fd >= 0 && fd < MOST_FDS && ours[fd]; }

static int power(void) { return is("power") || is("names"); }

// Another name for what stands at a path, outside the folder; NULL where nothing does, or a folder, or it isn't needed.
static char *keep(const char *path) {
  if (!is("names")) return NULL;
  char kept[4200];
  snprintf(kept, sizeof kept, "%s.%d", counter, nameCount);
  unlink(kept);
  return link(path, kept) == 0 ? strdup(kept) : NULL;
}

// To be called with what `keep` gave before, after the call has gone well.
static void named(int what, const char *path, const char *to, char *before) {
  if (!is("names")) return;
  pthread_mutex_lock(&mutex);
  if (nameCount == MOST_FILES) abort();
  names[nameCount].what = what, names[nameCount].forced = 0, names[nameCount].before = before;
  names[nameCount].path = strdup(path), names[nameCount++].to = to ? strdup(to) : NULL;
  pthread_mutex_unlock(&mutex);
}

static int within(const char *path, const char *folder) {
  size_t n = strlen(folder);
  return path && strncmp(path, folder, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/');
}

static void forcedNames(int fd) {
  char link[64], folder[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, folder, sizeof folder - 1);
  if (n < 0) return;
  folder[n] = 0;
  for (int i = 0; i < nameCount; i++)
    if (within(names[i].path, folder) || within(names[i].to, folder)) names[i].forced = 1;
}

static void undoNames(void) {
  for (int i = nameCount - 1; i >= 0; i--) {
    if (names[i].forced) continue;
    if (names[i].what == MADE) syscall(SYS_unlink, names[i].path);
    if (names[i].what == MADE_FOLDER) syscall(SYS_rmdir, names[i].path);
    if (names[i].what == RENAMED) {
      syscall(SYS_rename, names[i].to, names[i].path);
      if (names[i].before) syscall(SYS_rename, names[i].before, names[i].to);
    }
    if (names[i].what == DELETED && names[i].before) syscall(SYS_rename, names[i].before, names[i].path);
    if (names[i].what == DELETED_FOLDER) syscall(SYS_mkdir, names[i].path, 0777);
  }
}

static void die(void) {
  if (power())
    for (int i = 0; i < fileCount; i++) {
      struct stat now;
      if (fstat(files[i].fd, &now) == 0 && now.st_size > files[i].safe && ftruncate(files[i].fd, files[i].safe)) abort();
    }
  if (is("names")) undoNames();
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Counts a call, if it is one that this kind of fault disturbs. 1: fail with errno; 2: do half of it.
static int step(int writes, int transfers) {
  if ((is("torn") && !(writes && transfers)) || (is("enospc") && !writes) || (is("short") && !transfers)) return 0;
  pthread_mutex_lock(&mutex);
  long n = ++calls;
  if (n == at && (is("kill") || power())) die();
  pthread_mutex_unlock(&mutex);
  if (!at) return 0;
  if (is("enospc") && n >= at && writes) return errno = ENOSPC, 1;
  if (is("eio") && n == at) return errno = EIO, 1;
  return n == at && (is("short") || is("torn")) ? 2 : 0;
}

static void watch(int fd, int flags) {
  if (fd < 0 || fd >= MOST_FDS) return;
  ours[fd] = 1;
  struct stat s;
  if ((flags & O_ACCMODE) == O_RDONLY || !power() || fstat(fd, &s) || !S_ISREG(s.st_mode)) return;
  pthread_mutex_lock(&mutex);
  int i = 0;
  while (i < fileCount && (files[i].dev != s.st_dev || files[i].ino != s.st_ino)) i++;
  if (i == fileCount && fileCount < MOST_FILES) {
    int own = fcntl(fd, F_DUPFD_CLOEXEC, MOST_FDS);
    if (own >= 0) files[fileCount].dev = s.st_dev, files[fileCount].ino = s.st_ino, files[fileCount].fd = own, files[fileCount++].safe = s.st_size;
  }
  pthread_mutex_unlock(&mutex);
}

static void forced(int fd) {
  struct stat s;
  if (fstat(fd, &s)) return;
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < fileCount; i++)
    if (files[i].dev == s.st_dev && files[i].ino == s.st_ino) files[i].safe = s.st_size;
  if (S_ISDIR(s.st_mode)) forcedNames(fd);
  pthread_mutex_unlock(&mutex);
}

int open64(const char *path, int flags, ...) {
  REAL(int, open64, const char *, int, ...);
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (!inside(path)) {
    // Its number may have been that of one of ours, which libuv closed by a call of its own.
    int other = real(path, flags, mode);
    if (other >= 0 && other < MOST_FDS) ours[other] = 0;
    return other;
  }
  if (step(flags & O_CREAT, 0) == 1) return -1;
  int made = (flags & O_CREAT) && access(path, F_OK) != 0;
  int fd = real(path, flags, mode);
  if (made && fd >= 0) named(MADE, path, NULL, NULL);
  watch(fd, flags);
  return fd;
}

int close(int fd) {
  REAL(int, close, int);
  if (fd >= 0 && fd < MOST_FDS) ours[fd] = 0;
  return real(fd);
}

// Half of what was asked for, at least a byte.
static size_t half(size_t size) { return size > 1 ? size / 2 : size; }

#define TRANSFER(name, writes, parameters, arguments, halved) \
  ssize_t name parameters { \
    static ssize_t (*real) parameters; \
    if (!real) real = (ssize_t (*) parameters)dlsym(RTLD_NEXT, #name); \
    if (!known(fd)) return real arguments; \
    int what = step(writes, 1); \
    if (what == 1) return -1; \
    if (what == 0) return real arguments; \
    ssize_t got = real halved; \
    if (is("torn")) die(); \
    return got; \
  }

TRANSFER(read, 0, (int fd, void *to, size_t size), (fd, to, size), (fd, to, half(size)))
TRANSFER(pread64, 0, (int fd, void *to, size_t size, off64_t from), (fd, to, size, from), (fd, to, half(size), from))
TRANSFER(write, 1, (int fd, const void *from, size_t size), (fd, from, size), (fd, from, half(size)))
TRANSFER(pwrite64, 1, (int fd, const void *from, size_t size, off64_t to), (fd, from, size, to), (fd, from, half(size), to))
TRANSFER(writev, 1, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, v, n > 1 ? n / 2 : n))
TRANSFER(readv, 0, (int fd, const struct iovec *v, int n), (fd, v, n), (fd, v, n > 1 ? n / 2 : n))

#define OF_FD(name) \
  int name(int fd) { \
    REAL(int, name, int); \
    if (!known(fd)) return real(fd); \
    if (step(1, 0) == 1) return -1; \
    int got = real(fd); \
    if (got == 0) forced(fd); \
    return got; \
  }

OF_FD(fsync)
OF_FD(fdatasync)

#define OF_PATH(name, writes, parameters, arguments, what, to, kept) \
  int name parameters { \
    static int (*real) parameters; \
    if (!real) real = (int (*) parameters)dlsym(RTLD_NEXT, #name); \
    if (!inside(path)) return real arguments; \
    if (step(writes, 0) == 1) return -1; \
    char *before = kept; \
    int got = real arguments; \
    if (got == 0) named(what, path, to, before); \
    return got; \
  }

OF_PATH(rename, 0, (const char *path, const char *to), (path, to), RENAMED, to, keep(to))
OF_PATH(unlink, 0, (const char *path), (path), DELETED, NULL, keep(path))
OF_PATH(rmdir, 0, (const char *path), (path), DELETED_FOLDER, NULL, NULL)
OF_PATH(mkdir, 1, (const char *path, mode_t mode), (path, mode), MADE_FOLDER, NULL, NULL)

DIR *opendir(const char *path) {
  REAL(DIR *, opendir, const char *);
  return inside(path) && step(0, 0) == 1 ? NULL : real(path);
}
