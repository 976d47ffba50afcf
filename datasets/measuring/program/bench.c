/* The benchmarks of `nearmetal measure`: one source, native (static) and wasm32-wasi.
 *
 * bench FOLDER reads lines "NAME BUDGET_MS [BYTES [WORKERS [ADDRESS]]]" and answers each with one:
 *   NAME ns NS_PER_OPERATION windows COUNT huge SHARE
 *   NAME cannot REASON
 * NS_PER_OPERATION is the minimum over windows of at least 0.8 ms. BYTES is what one operation
 * moves (0: as the benchmark comes), WORKERS how many processes work at once, ADDRESS where the
 * other end of a link listens. SHARE is how much of a chase's memory lies on huge pages, -1 where
 * nothing tells. It waits in read() between lines, so that one process can be asked in turn with
 * those of other runtimes.
 *
 * bench FOLDER serve is that other end, until its standard input ends.
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
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
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
#define LARGEST 65536 /* bytes that one operation moves at most */
#define MOST_WORKERS 64
#define PORT 7077

static volatile uint64_t sink; /* what is computed is used */
static const char *reason;     /* why a set-up failed */
static const char *folder;
static size_t bytes;        /* that one operation moves */
static int workers;         /* processes that work at once */
static char address[64];    /* of a link's other end */

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

static char bulk[LARGEST] __attribute__((aligned(PAGE)));

static void pwrite_cached(uint64_t ops) {
    const size_t places = 256 * PAGE / bytes;
    for (uint64_t i = 0; i < ops; i++) sink = pwrite(file, bulk, bytes, (i % places) * bytes);
}

static void pread_cached(uint64_t ops) {
    const size_t places = 256 * PAGE / bytes;
    for (uint64_t i = 0; i < ops; i++) sink = pread(file, bulk, bytes, (i % places) * bytes);
}

/* --- kernel: calls, switches, faults, processes --------------------------------------------- */

#ifndef __wasm__
static void getppid_call(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++) sink = syscall(SYS_getppid);
}

static int to_child[2], to_parent[2];
static pid_t child;
static cpu_set_t allowed;

static int stay_on(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu < 0 ? 0 : cpu, &one);
    return sched_setaffinity(0, sizeof one, &one);
}

/* Both ends on one processor, so that each message is a switch. */
static int pipe_setup(void) {
    sched_getaffinity(0, sizeof allowed, &allowed);
    stay_on(sched_getcpu());
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
    sched_getaffinity(0, sizeof allowed, &allowed);
    /* As over a link: a message on one processor is a switch, on two it is whatever wakes. */
    if (echo) stay_on(sched_getcpu());
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

/* Write or read so many bytes, in as many pieces as it takes. */
static int all_of(int end, int out, char *data, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t piece = out ? write(end, data + done, count - done)
                            : read(end, data + done, count - done);
        if (piece <= 0) return -1;
        done += piece;
    }
    return 0;
}

static void tcp_round(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++)
        if (all_of(link_end, 1, bulk, bytes) || all_of(link_end, 0, bulk, bytes)) _exit(3);
}

static void tcp_stream(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++)
        if (all_of(link_end, 1, bulk, bytes)) _exit(3);
}

static void tcp_end(void) {
    close(link_end);
    waitpid(child, NULL, 0);
    sched_setaffinity(0, sizeof allowed, &allowed);
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

/* --- a link: the other end is this program as well, elsewhere -------------------------------- */

struct hello {
    uint64_t bytes, echo;
    int64_t cpu; /* that both ends of a round trip are on */
};

static int link_setup(int echo) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct hello said = {bytes, echo, sched_getcpu()};
    int on = 1;
    sched_getaffinity(0, sizeof allowed, &allowed);
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1) return fail("no address is given");
    link_end = socket(AF_INET, SOCK_STREAM, 0);
    if (link_end < 0) return fail(strerror(errno));
    if (connect(link_end, (struct sockaddr *)&at, sizeof at)) {
        reason = strerror(errno);
        close(link_end);
        return -1;
    }
    /* Else the last of a window's small pieces waits for a late acknowledgement. */
    setsockopt(link_end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (all_of(link_end, 1, (char *)&said, sizeof said)) return fail("the other end is gone");
    /* Both ends on one processor: else it depends on which one the scheduler wakes, and how deep
       it sleeps. */
    if (echo) stay_on(said.cpu);
    return 0;
}

static int link_echo_setup(void) { return link_setup(1); }
static int link_stream_setup(void) { return link_setup(0); }

/* A window ends when the other end has all of it: what lies in a buffer has not passed a link. */
static void link_stream(uint64_t ops) {
    char got;
    if (all_of(link_end, 1, (char *)&ops, sizeof ops)) _exit(3);
    tcp_stream(ops);
    if (all_of(link_end, 0, &got, 1)) _exit(3);
}

static void link_close(void) {
    close(link_end);
    sched_setaffinity(0, sizeof allowed, &allowed);
}

static void serve_one(int peer) {
    struct hello said;
    int on = 1;
    uint64_t ops;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (all_of(peer, 0, (char *)&said, sizeof said) || said.bytes > LARGEST) return;
    if (said.echo) stay_on(said.cpu);
    if (said.echo)
        while (!all_of(peer, 0, bulk, said.bytes) && !all_of(peer, 1, bulk, said.bytes)) {}
    while (!said.echo && !all_of(peer, 0, (char *)&ops, sizeof ops)) {
        for (uint64_t left = ops * said.bytes; left;) {
            ssize_t piece = read(peer, bulk, left < sizeof bulk ? left : sizeof bulk);
            if (piece <= 0) return;
            left -= piece;
        }
        if (all_of(peer, 1, bulk, 1)) return;
    }
}

static int serve(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int on = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
    struct pollfd ends[] = {{.fd = 0, .events = POLLIN}, {.fd = listening, .events = POLLIN}};
    char rest[64];
    signal(SIGCHLD, SIG_IGN);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&at, sizeof at) || listen(listening, 16)) {
        perror("serve");
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        if (poll(ends, 2, -1) < 0) continue;
        if (ends[0].revents && read(0, rest, sizeof rest) <= 0) return 0;
        if (!(ends[1].revents & POLLIN)) continue;
        int peer = accept(listening, NULL, NULL);
        if (peer >= 0 && fork() == 0) {
            close(listening);
            serve_one(peer);
            _exit(0);
        }
        close(peer);
    }
}

/* --- a crew: processes that do the same at once ----------------------------------------------- */

static struct {
    pid_t pid;
    int go;
} crew[MOST_WORKERS];
static int crew_done[2], crew_size;

static void crew_end(void) {
    for (int w = 0; w < crew_size; w++) close(crew[w].go);
    for (int w = 0; w < crew_size; w++) waitpid(crew[w].pid, NULL, 0);
    crew_size = 0;
    close(crew_done[0]);
    close(crew_done[1]);
    if (file >= 0) close(file);
    file = -1;
}

static int crew_setup(void (*each)(uint64_t)) {
    if (workers > MOST_WORKERS) return fail("too many workers");
    if (pipe(crew_done)) return fail(strerror(errno));
    for (crew_size = 0; crew_size < workers; crew_size++) {
        int go[2];
        if (pipe(go)) return crew_end(), fail(strerror(errno));
        pid_t made = fork();
        if (made < 0) return close(go[0]), close(go[1]), crew_end(), fail(strerror(errno));
        if (made == 0) {
            uint64_t ops;
            for (int w = 0; w < crew_size; w++) close(crew[w].go);
            close(go[1]);
            random_state += (crew_size + 1) * 0x9e3779b97f4a7c15ull + (uint64_t)now_ns();
            while (read(go[0], &ops, sizeof ops) == sizeof ops) {
                each(ops);
                if (write(crew_done[1], "", 1) != 1) break;
            }
            _exit(0);
        }
        close(go[0]);
        crew[crew_size].pid = made;
        crew[crew_size].go = go[1];
    }
    return 0;
}

/* Every worker does `ops`; the last to be done ends the window. */
static void crew_run(uint64_t ops) {
    char done;
    for (int w = 0; w < crew_size; w++)
        if (write(crew[w].go, &ops, sizeof ops) != sizeof ops) _exit(3);
    for (int w = 0; w < crew_size; w++)
        if (read(crew_done[0], &done, 1) != 1) _exit(3);
}

/* 16,000 integer steps, ten calls, and a mapping of sixteen pages that are touched. */
static void mixed(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++) {
        int_dependent(16000);
        getppid_call(10);
        char *fresh = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                           -1, 0);
        if (fresh == MAP_FAILED) _exit(3);
        for (int p = 0; p < 16; p++) ((volatile char *)fresh)[p * PAGE] = 1;
        munmap(fresh, 16 * PAGE);
    }
}

static int crew_mixed(void) { return crew_setup(mixed); }
static int crew_call(void) { return crew_setup(getppid_call); }
static int crew_fault(void) { return crew_setup(fault); }

/* --- a device: pages of a file that lies ready, at random ------------------------------------- */

static size_t device_pages;
static struct {
    double until;
    uint64_t done;
} *shift; /* what the crew shares */

static int device_setup(int writes, void (*each)(uint64_t)) {
    struct stat found;
    snprintf(path, sizeof path, "%s/device-file", folder);
    file = open(path, (writes ? O_RDWR : O_RDONLY) | O_DIRECT);
    if (file < 0) return fail(strerror(errno));
    if (fstat(file, &found) || found.st_size < PAGE) return fail("its file is empty");
    device_pages = found.st_size / PAGE;
    if (!shift)
        shift = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shift == MAP_FAILED) return shift = NULL, fail("no memory");
    return crew_setup(each);
}

static void direct_read(uint64_t unused) {
    (void)unused;
    while (now_ns() < shift->until) {
        if (pread(file, bulk, PAGE, random_next() % device_pages * PAGE) != PAGE) _exit(3);
        __atomic_fetch_add(&shift->done, 1, __ATOMIC_RELAXED);
    }
}

static void direct_write(uint64_t unused) {
    (void)unused;
    while (now_ns() < shift->until) {
        if (pwrite(file, bulk, PAGE, random_next() % device_pages * PAGE) != PAGE ||
            fdatasync(file))
            _exit(3);
        __atomic_fetch_add(&shift->done, 1, __ATOMIC_RELAXED);
    }
}

/* A limiter lets operations through in bursts: they are counted over a time, and the first burst,
 * saved while nobody asked, is left out. */
static double device_each(double for_ns) {
    double start = now_ns();
    shift->until = start + for_ns;
    shift->done = 0;
    crew_run(0);
    return shift->done ? (now_ns() - start) / shift->done : 0;
}

static int device_read(void) { return device_setup(0, direct_read); }
static int device_write(void) { return device_setup(1, direct_write); }

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
    double per_run;  /* operations that one turn of run's loop is */
    size_t bytes;    /* that one operation moves unless told otherwise */
    double window;   /* in units of WINDOW_NS, 0 is 1: what is let through in bursts needs longer */
    double (*over)(double); /* time of an operation over so many ns, in place of windows */
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
    {"pwrite", pwrite_cached, file_setup, file_end, 1, PAGE},
    {"pread", pread_cached, file_setup, file_end, 1, PAGE},
#ifndef __wasm__
    {"getppid", getppid_call, NULL, NULL, 1},
    {"pipe", pipe_round, pipe_setup, pipe_end, 1},
    {"tcp-round", tcp_round, tcp_echo_setup, tcp_end, 1, 64},
    {"tcp-stream", tcp_stream, tcp_stream_setup, tcp_end, 1, LARGEST},
    {"page-fault", fault, NULL, NULL, FAULT_PAGES},
    {"fork", fork_wait, NULL, NULL, 1},
    {"link-round", tcp_round, link_echo_setup, link_close, 1, 64, 5},
    {"link-stream", link_stream, link_stream_setup, link_close, 1, LARGEST, 10},
    {"crew-mixed", crew_run, crew_mixed, crew_end, 1, 0, 5},
    {"crew-getppid", crew_run, crew_call, crew_end, 1, 0, 5},
    {"crew-page-fault", crew_run, crew_fault, crew_end, FAULT_PAGES, 0, 5},
    {"device-read", NULL, device_read, crew_end, 1, PAGE, 100, device_each},
    {"device-write", NULL, device_write, crew_end, 1, PAGE, 100, device_each},
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
    const double scale = b->window ? b->window : 1;
    /* What a limiter lets pass at first says little of what it will let pass. */
    const double fastest = b->window ? 8 : 1e3;
    huge_share = -1.0;
    if (!bytes) bytes = b->bytes;
    if (bytes > LARGEST) {
        printf("%s cannot move so many bytes at once\n", b->name);
        return;
    }
    if (b->setup && b->setup()) {
        printf("%s cannot %s\n", b->name, reason);
        if (b->end && file >= 0) b->end();
        return;
    }
    if (b->over) {
        b->over(scale * WINDOW_NS);
        best = b->over(scale * WINDOW_NS);
        b->end();
        if (best > 0)
            printf("%s ns %.17g windows 1 huge -1\n", b->name, best);
        else
            printf("%s cannot have an operation done in time\n", b->name);
        return;
    }
    while ((took = timed(b, ops)) < WINDOW_NS * scale) {
        double grow = took > 0 ? WINDOW_NS * scale * 1.2 / took : fastest;
        ops = (uint64_t)(ops * (grow < 2 ? 2 : grow > fastest ? fastest : grow));
    }
    end = now_ns() + budget_ns;
    for (int turns = 0; (now_ns() < end || windows < LEAST_WINDOWS) && turns < 100000; turns++) {
        took = timed(b, ops);
        if (took < LEAST_NS * scale) { /* the sizing was disturbed */
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
    char line[256], name[64];
    double budget_ms;
    folder = argc > 1 ? argv[1] : ".";
    setvbuf(stdout, NULL, _IOLBF, 4096);
#ifndef __wasm__
    if (argc > 2 && !strcmp(argv[2], "serve")) return serve();
#endif
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        const size_t count = sizeof benchmarks / sizeof *benchmarks;
        size_t i = 0;
        bytes = 0, workers = 1, address[0] = 0;
        if (sscanf(line, "%63s %lf %zu %d %63s", name, &budget_ms, &bytes, &workers, address) < 2)
            continue;
        while (i < count && strcmp(benchmarks[i].name, name)) i++;
        if (i < count)
            measure(&benchmarks[i], budget_ms * 1e6);
        else
            printf("%s cannot it is not among this build's benchmarks\n", name);
        fflush(stdout);
    }
    return 0;
}
