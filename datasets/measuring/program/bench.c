/* The benchmarks of `nearmetal measure`: one source, native (static) and wasm32-wasi.
 *
 * bench FOLDER reads lines "NAME BUDGET_MS" and answers each with one line:
 *   NAME ns NS_PER_OPERATION windows COUNT huge SHARE
 *   NAME cannot REASON
 * NS_PER_OPERATION is the minimum over windows of at least 0.8 ms. SHARE is how much of a
 * chase's memory lies on huge pages, -1 where nothing tells. It waits in read() between lines,
 * so that one process can be asked in turn with those of other runtimes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifndef __wasm__
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#endif

#define WINDOW_NS 1000000.0 /* aimed at; those below LEAST_NS are not counted */
#define LEAST_NS 800000.0
#define LEAST_WINDOWS 4
#define LINE 64
#define PAGE 4096
#define FAULT_PAGES 256
#define COPY_BYTES ((size_t)32 << 20)

static volatile uint64_t sink; /* what is computed is used */
static const char *reason;     /* why a set-up failed */
static const char *folder;

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static int fail(const char *why) {
    reason = why;
    return -1;
}

/* A value that the compiler must not see through. */
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))

static uint64_t random_state = 88172645463325252ull;

static uint64_t random_next(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* --- integer: a chain in which each step waits for the one before ------------------------- */

static void int_dependent(uint64_t ops) {
    uint64_t x = ops | 1;
    for (uint64_t i = 0; i < ops; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        x ^= x >> 29;
    }
    sink = x;
}

/* --- integer: a branch that nothing predicts ---------------------------------------------- */

static void int_branchy(uint64_t ops) {
    uint64_t x = random_next(), y = 0;
    for (uint64_t i = 0; i < ops; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if (x & 1) {
            y += x;
            OPAQUE(y);
        } else {
            y ^= x >> 3;
            OPAQUE(y);
        }
    }
    sink = y;
}

/* --- floating point: four chains of a * b + c, by one and by four lanes -------------------- */

typedef double lanes __attribute__((vector_size(32)));

#define FP_BODY(T)                                                                             \
    T a = {0}, b = {0}, c = {0}, d = {0}, k = {0}, m = {0};                                    \
    a += 1.0, b += 1.1, c += 1.2, d += 1.3, k += 0.999999, m += 1e-6;                          \
    for (uint64_t i = 0; i < ops; i++) {                                                       \
        a = a * k + m, b = b * k + m, c = c * k + m, d = d * k + m;                            \
    }                                                                                          \
    a += b + c + d;

static void fp_scalar_plain(uint64_t ops) {
    FP_BODY(double)
    sink = (uint64_t)a;
}

static void fp_simd_plain(uint64_t ops) {
    FP_BODY(lanes)
    sink = (uint64_t)(a[0] + a[1] + a[2] + a[3]);
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) static void fp_scalar_fma(uint64_t ops) {
    FP_BODY(double)
    sink = (uint64_t)a;
}

__attribute__((target("avx2,fma"))) static void fp_simd_fma(uint64_t ops) {
    FP_BODY(lanes)
    sink = (uint64_t)(a[0] + a[1] + a[2] + a[3]);
}

static int has_fma(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static void fp_scalar(uint64_t ops) { has_fma() ? fp_scalar_fma(ops) : fp_scalar_plain(ops); }
static void fp_simd(uint64_t ops) { has_fma() ? fp_simd_fma(ops) : fp_simd_plain(ops); }
#else
static void fp_scalar(uint64_t ops) { fp_scalar_plain(ops); }
static void fp_simd(uint64_t ops) { fp_simd_plain(ops); }
#endif

/* --- memory -------------------------------------------------------------------------------- */

static char *block;
static size_t block_bytes;
static double huge_share = -1.0;
static void **place;

static void give_back(void) {
#ifdef __wasm__
    free(block);
#else
    munmap(block, block_bytes);
#endif
    block = NULL;
}

#ifndef __wasm__
/* Share of the block on huge pages, by /proc/self/smaps; -1 where that is not told. */
static double huge_share_of(const char *start, size_t bytes) {
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[256];
    int inside = 0, told = 0;
    double kb = 0;
    if (!maps) return -1.0;
    while (fgets(line, sizeof line, maps)) {
        unsigned long low, high, value;
        if (sscanf(line, "%lx-%lx ", &low, &high) == 2)
            inside = (uintptr_t)start < high && (uintptr_t)start + bytes > low;
        else if (inside && sscanf(line, "AnonHugePages: %lu kB", &value) == 1)
            kb += value, told = 1;
    }
    fclose(maps);
    return told ? kb * 1024 / bytes : -1.0;
}
#endif

static int take_block(size_t bytes, int huge) {
    huge_share = -1.0;
#ifdef __wasm__
    if (huge) return fail("pages of linear memory cannot be chosen");
    block_bytes = bytes;
    block = malloc(bytes);
    if (!block) return fail("no memory");
    memset(block, 1, bytes);
#else
    const size_t align = (size_t)2 << 20;
    block_bytes = bytes + align;
    block = mmap(NULL, block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return fail("no memory");
    char *aligned = (char *)(((uintptr_t)block + align - 1) / align * align);
    munmap(block + bytes + (aligned - block), align - (aligned - block));
    if (aligned > block) munmap(block, aligned - block);
    block = aligned;
    block_bytes = bytes;
    /* Where the kernel has no huge pages the advice fails, and the share below tells. */
    madvise(block, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(block, 1, bytes);
    huge_share = huge_share_of(block, bytes);
#endif
    return 0;
}

/* A random cycle through every line of the block (Sattolo). */
static int chase_setup(size_t bytes, int huge) {
    if (take_block(bytes, huge)) return -1;
    size_t lines = bytes / LINE;
#define AT(i) (*(void **)(block + (i) * LINE))
    for (size_t i = 0; i < lines; i++) AT(i) = block + i * LINE;
    for (size_t i = lines - 1; i > 0; i--) {
        size_t j = random_next() % i;
        void *kept = AT(i);
        AT(i) = AT(j);
        AT(j) = kept;
    }
#undef AT
    /* A kernel in user space maps pages again after their first touch. */
    for (size_t i = 0; i < lines; i++) sink = (uint64_t)block[i * LINE];
    place = (void **)block;
    return 0;
}

static void chase(uint64_t ops) {
    void **at = place;
    for (uint64_t i = 0; i < ops; i++) at = *at;
    place = at;
    sink = (uintptr_t)at;
}

static int chase_32k(void) { return chase_setup((size_t)32 << 10, 0); }
static int chase_1m(void) { return chase_setup((size_t)1 << 20, 0); }
static int chase_16m(void) { return chase_setup((size_t)16 << 20, 0); }
static int chase_64m(void) { return chase_setup((size_t)64 << 20, 0); }
static int chase_256m(void) { return chase_setup((size_t)256 << 20, 0); }
static int chase_64m_huge(void) { return chase_setup((size_t)64 << 20, 1); }
static int chase_256m_huge(void) { return chase_setup((size_t)256 << 20, 1); }

/* One operation is 1 KiB, word by word: a library's memcpy differs between builds. */
static void copy(uint64_t ops) {
    static size_t done;
    for (uint64_t i = 0; i < ops; i++) {
        const uint64_t *from = (const uint64_t *)(block + done);
        uint64_t *to = (uint64_t *)(block + COPY_BYTES + done);
        for (int w = 0; w < 128; w += 4) {
            to[w] = from[w];
            to[w + 1] = from[w + 1];
            to[w + 2] = from[w + 2];
            to[w + 3] = from[w + 3];
        }
        done = (done + 1024) % COPY_BYTES;
    }
    sink = ((uint64_t *)block)[done / 8];
}

static int copy_setup(void) {
    if (take_block(2 * COPY_BYTES, 0)) return -1;
    copy(COPY_BYTES / 1024); /* the first pass is slow where pages are mapped as they are met */
    return 0;
}

/* --- files --------------------------------------------------------------------------------- */

static char path[512];
static int file = -1;

static int file_setup(void) {
    static char page[PAGE];
#ifdef __wasm__
    snprintf(path, sizeof path, "%s/bench-file", folder);
#else
    /* A name without folders: how deep they lie differs between runtimes. */
    if (chdir(folder)) return fail(strerror(errno));
    snprintf(path, sizeof path, "bench-file");
#endif
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0) return fail(strerror(errno));
    for (int i = 0; i < 256; i++)
        if (write(file, page, PAGE) != PAGE) return fail("the file cannot be written");
    return 0;
}

static void file_end(void) {
    if (file >= 0) close(file);
    file = -1;
    unlink(path);
}

static void open_close(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++) {
        int opened = open(path, O_RDONLY);
        sink = opened;
        close(opened);
    }
}

static void stat_file(uint64_t ops) {
    struct stat found;
    for (uint64_t i = 0; i < ops; i++) sink = stat(path, &found);
}

static void pwrite_4k(uint64_t ops) {
    static char page[PAGE];
    for (uint64_t i = 0; i < ops; i++) sink = pwrite(file, page, PAGE, (i % 256) * PAGE);
}

/* --- kernel: calls, switches, faults, processes --------------------------------------------- */

#ifndef __wasm__
static void getppid_call(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++) sink = syscall(SYS_getppid);
}

static int to_child[2], to_parent[2];
static pid_t child;
static cpu_set_t allowed;

/* Both ends on one processor, so that each message is a switch. */
static int pipe_setup(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    sched_getaffinity(0, sizeof allowed, &allowed);
    int cpu = sched_getcpu();
    if (cpu < 0) cpu = 0;
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    if (pipe(to_child) || pipe(to_parent)) return fail(strerror(errno));
    child = fork();
    if (child < 0) return fail(strerror(errno));
    if (child == 0) {
        char byte;
        close(to_child[1]);
        close(to_parent[0]);
        while (read(to_child[0], &byte, 1) == 1)
            if (write(to_parent[1], &byte, 1) != 1) break;
        _exit(0);
    }
    close(to_child[0]);
    close(to_parent[1]);
    return 0;
}

static void pipe_round(uint64_t ops) {
    char byte = 0;
    for (uint64_t i = 0; i < ops; i++)
        if (write(to_child[1], &byte, 1) != 1 || read(to_parent[0], &byte, 1) != 1) _exit(3);
    sink = byte;
}

static void pipe_end(void) {
    close(to_child[1]);
    close(to_parent[0]);
    waitpid(child, NULL, 0);
    sched_setaffinity(0, sizeof allowed, &allowed);
}

/* A connection over the loopback device to a child that echoes or swallows what it is sent. */
static int link_end = -1;
static char bulk[65536];

static int tcp_setup(int echo) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int on = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
    if (listening < 0) return fail(strerror(errno));
    if (bind(listening, (struct sockaddr *)&at, sizeof at) || listen(listening, 1) ||
        getsockname(listening, (struct sockaddr *)&at, &size)) {
        close(listening);
        return fail(strerror(errno));
    }
    child = fork();
    if (child < 0) return fail(strerror(errno));
    if (child == 0) {
        int peer = accept(listening, NULL, NULL);
        ssize_t got;
        close(listening);
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        while ((got = read(peer, bulk, sizeof bulk)) > 0)
            if (echo && write(peer, bulk, got) != got) break;
        _exit(0);
    }
    link_end = socket(AF_INET, SOCK_STREAM, 0);
    if (link_end < 0 || connect(link_end, (struct sockaddr *)&at, sizeof at)) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(listening);
        if (link_end >= 0) close(link_end);
        return fail("the loopback device is not up");
    }
    close(listening);
    setsockopt(link_end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;
}

static int tcp_echo_setup(void) { return tcp_setup(1); }
static int tcp_stream_setup(void) { return tcp_setup(0); }

static void tcp_round(uint64_t ops) {
    char message[64] = {0};
    for (uint64_t i = 0; i < ops; i++) {
        if (write(link_end, message, sizeof message) != sizeof message) _exit(3);
        for (size_t got = 0; got < sizeof message;) {
            ssize_t piece = read(link_end, message, sizeof message - got);
            if (piece <= 0) _exit(3);
            got += piece;
        }
    }
}

static void tcp_stream(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++)
        for (size_t sent = 0; sent < sizeof bulk;) {
            ssize_t piece = write(link_end, bulk + sent, sizeof bulk - sent);
            if (piece <= 0) _exit(3);
            sent += piece;
        }
}

static void tcp_end(void) {
    close(link_end);
    waitpid(child, NULL, 0);
}

static void fault(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++) {
        char *fresh = mmap(NULL, FAULT_PAGES * PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED) _exit(3);
        madvise(fresh, FAULT_PAGES * PAGE, MADV_NOHUGEPAGE);
        for (int p = 0; p < FAULT_PAGES; p++) ((volatile char *)fresh)[p * PAGE] = 1;
        munmap(fresh, FAULT_PAGES * PAGE);
    }
}

static void fork_wait(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++) {
        pid_t made = fork();
        if (made == 0) _exit(0);
        if (made < 0 || waitpid(made, NULL, 0) != made) _exit(3);
    }
}
#endif

/* --- the table ------------------------------------------------------------------------------- */

struct benchmark {
    const char *name;
    void (*run)(uint64_t);
    int (*setup)(void);
    void (*end)(void);
    double per_run; /* operations that one turn of run's loop is */
};

static const struct benchmark benchmarks[] = {
    {"int-dependent", int_dependent, NULL, NULL, 1},
    {"int-branchy", int_branchy, NULL, NULL, 1},
    {"fp-scalar", fp_scalar, NULL, NULL, 4},
    {"fp-simd", fp_simd, NULL, NULL, 16},
    {"copy", copy, copy_setup, give_back, 1},
    {"chase-32k", chase, chase_32k, give_back, 1},
    {"chase-1m", chase, chase_1m, give_back, 1},
    {"chase-16m", chase, chase_16m, give_back, 1},
    {"chase-64m", chase, chase_64m, give_back, 1},
    {"chase-256m", chase, chase_256m, give_back, 1},
    {"chase-64m-2m", chase, chase_64m_huge, give_back, 1},
    {"chase-256m-2m", chase, chase_256m_huge, give_back, 1},
    {"open", open_close, file_setup, file_end, 1},
    {"stat", stat_file, file_setup, file_end, 1},
    {"pwrite", pwrite_4k, file_setup, file_end, 1},
#ifndef __wasm__
    {"getppid", getppid_call, NULL, NULL, 1},
    {"pipe", pipe_round, pipe_setup, pipe_end, 1},
    {"tcp-round", tcp_round, tcp_echo_setup, tcp_end, 1},
    {"tcp-stream", tcp_stream, tcp_stream_setup, tcp_end, 1},
    {"page-fault", fault, NULL, NULL, FAULT_PAGES},
    {"fork", fork_wait, NULL, NULL, 1},
#endif
};

static double timed(const struct benchmark *b, uint64_t ops) {
    double start = now_ns();
    b->run(ops);
    return now_ns() - start;
}

static void measure(const struct benchmark *b, double budget_ns) {
    uint64_t ops = 1;
    int windows = 0;
    double best = 0, end, took;
    huge_share = -1.0;
    if (b->setup && b->setup()) {
        printf("%s cannot %s\n", b->name, reason);
        if (b->end && file >= 0) b->end();
        return;
    }
    while ((took = timed(b, ops)) < WINDOW_NS) {
        double grow = took > 0 ? WINDOW_NS * 1.2 / took : 1e3;
        ops = (uint64_t)(ops * (grow < 2 ? 2 : grow > 1e3 ? 1e3 : grow));
    }
    end = now_ns() + budget_ns;
    for (int turns = 0; (now_ns() < end || windows < LEAST_WINDOWS) && turns < 100000; turns++) {
        took = timed(b, ops);
        if (took < LEAST_NS) { /* the sizing was disturbed */
            ops *= 2;
            continue;
        }
        double each = took / ops / b->per_run;
        if (!windows || each < best) best = each;
        windows++;
    }
    if (b->end) b->end();
    printf("%s ns %.17g windows %d huge %.3f\n", b->name, best, windows, huge_share);
}

int main(int argc, char **argv) {
    char line[128], name[64];
    double budget_ms;
    folder = argc > 1 ? argv[1] : ".";
    setvbuf(stdout, NULL, _IOLBF, 4096);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        const size_t count = sizeof benchmarks / sizeof *benchmarks;
        size_t i = 0;
        if (sscanf(line, "%63s %lf", name, &budget_ms) != 2) continue;
        while (i < count && strcmp(benchmarks[i].name, name)) i++;
        if (i < count)
            measure(&benchmarks[i], budget_ms * 1e6);
        else
            printf("%s cannot it is not among this build's benchmarks\n", name);
        fflush(stdout);
    }
    return 0;
}
