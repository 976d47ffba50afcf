/* The differences of `nearmetal measure --calibrate`: what one thing costs more than another.
 *
 * calibrate FOLDER CPU-GROUP MEMORY-GROUP (each a cgroup.procs that may be joined) reads lines "NAME BUDGET_MS" and answers each with one line:
 *   NAME base NS with NS windows COUNT
 *   NAME cannot REASON
 * Both figures [ns per operation] are minima over windows of at least 0.8 ms, taken in turn by one
 * process; base is 0 where the thing has no counterpart. Each question is answered by a child of
 * its own: its filter, mounts, namespaces and devices have no names outside and end with it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define WINDOW_NS 1000000.0 /* aimed at; those below LEAST_NS are not counted */
#define LEAST_NS 800000.0
#define LEAST_WINDOWS 4
#define LINE 64
#define PAGE 4096
#define FAULT_PAGES 256
#define CHASE_BYTES ((size_t)32 << 20)
#define HUGE_BYTES ((size_t)2 << 20)
#define SHORT_RULES 30
#define LONG_RULES 300

typedef void work(uint64_t ops);

static volatile uint64_t sink; /* what is computed is used */
static const char *folder, *asked, *cpu_group, *memory_group;
static double budget_ns;

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static _Noreturn void cannot(const char *what, const char *why) {
    printf("%s cannot %s%s%s\n", asked, what, why ? ": " : "", why ? why : "");
    fflush(stdout);
    _exit(0);
}

static void ends_with_parent(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
}

static void ended(pid_t other) {
    kill(other, SIGKILL);
    while (waitpid(other, NULL, 0) < 0 && errno == EINTR) continue;
}

static void on_one_processor(void) {
    cpu_set_t one;
    int cpu = sched_getcpu();
    CPU_ZERO(&one);
    CPU_SET(cpu < 0 ? 0 : cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

/* --- windows ------------------------------------------------------------------------------ */

struct side {
    work *run;
    double per_run; /* operations that one turn of run's loop is */
    uint64_t ops;
    double best;
    int windows;
};

static double timed(const struct side *s) {
    double start = now_ns();
    s->run(s->ops);
    return now_ns() - start;
}

static void size_window(struct side *s) {
    double took;
    s->ops = 1;
    while ((took = timed(s)) < WINDOW_NS) {
        double grow = took > 0 ? WINDOW_NS * 1.2 / took : 1e3;
        s->ops = (uint64_t)(s->ops * (grow < 2 ? 2 : grow > 1e3 ? 1e3 : grow));
    }
}

static void window(struct side *s) {
    double took = timed(s), each = took / s->ops / s->per_run;
    if (took < LEAST_NS) { /* the sizing was disturbed */
        s->ops *= 2;
        return;
    }
    if (!s->windows || each < s->best) s->best = each;
    s->windows++;
}

static void windows(struct side *s, int count, double ns) {
    double end = now_ns() + ns;
    for (int turns = 0; turns < 100000; turns++) {
        int few = 0;
        for (int i = 0; i < count; i++) few |= s[i].windows < LEAST_WINDOWS;
        if (!few && now_ns() >= end) return;
        for (int i = 0; i < count; i++) window(&s[i]);
    }
}

static void answer(const struct side *base, const struct side *with) {
    printf("%s base %.17g with %.17g windows %d\n", asked, base ? base->best : 0.0, with->best,
           with->windows);
    fflush(stdout);
}

/* Windows of both in turn. */
static void compare(work *base, double per_base, work *with, double per_with) {
    struct side sides[2] = {{.run = base, .per_run = per_base}, {.run = with, .per_run = per_with}};
    size_window(&sides[0]);
    size_window(&sides[1]);
    windows(sides, 2, budget_ns);
    answer(&sides[0], &sides[1]);
}

/* Windows without and then with what cannot be taken back, milliseconds apart. */
static void before_and_after(work *run, double per_run, void (*change)(void)) {
    struct side plain = {.run = run, .per_run = per_run}, changed = plain;
    size_window(&plain);
    windows(&plain, 1, budget_ns / 2);
    change();
    size_window(&changed);
    windows(&changed, 1, budget_ns / 2);
    answer(&plain, &changed);
}

static void alone(work *run) {
    struct side side = {.run = run, .per_run = 1};
    size_window(&side);
    windows(&side, 1, budget_ns);
    answer(NULL, &side);
}

/* --- calls, and filters that look at them --------------------------------------------------- */

static void getppid_call(uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++) sink = syscall(SYS_getppid, 0);
}

static void call(void) { alone(getppid_call); }

static struct sock_filter code[2 * LONG_RULES + 2];
static struct sock_fprog program = {.filter = code};

static void set_filter(void) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        cannot("no seccomp filter can be set", strerror(errno));
}

/* `rules` comparisons of the word at `offset`, none of which holds; then the call may pass. Of the
 * call's number the kernel works out once what follows, of its arguments it cannot. */
static void filtered(int rules, uint32_t offset) {
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
    for (int i = 0; i < rules; i++) {
        code[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x7fff0000u + i, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = n;
    before_and_after(getppid_call, 1, set_filter);
}

static void seccomp_cached(void) { filtered(LONG_RULES, offsetof(struct seccomp_data, nr)); }
static void seccomp_short(void) { filtered(SHORT_RULES, offsetof(struct seccomp_data, args)); }
static void seccomp_long(void) { filtered(LONG_RULES, offsetof(struct seccomp_data, args)); }

/* --- namespaces ------------------------------------------------------------------------------ */

static int put(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    int good = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (file >= 0) close(file);
    return good ? 0 : -1;
}

/* Namespaces of this child's own; without root inside a user namespace of its own. */
static void leave_for(int kind) {
    char map[64];
    uid_t user = getuid();
    gid_t group = getgid();
    if (geteuid() == 0) {
        if (unshare(kind)) cannot("no namespace of its own", strerror(errno));
        return;
    }
    if (unshare(CLONE_NEWUSER | kind)) cannot("it needs root or user namespaces", strerror(errno));
    snprintf(map, sizeof map, "0 %d 1", (int)user);
    put("/proc/self/setgroups", "deny");
    if (put("/proc/self/uid_map", map)) cannot("it needs root or user namespaces", strerror(errno));
    snprintf(map, sizeof map, "0 %d 1", (int)group);
    put("/proc/self/gid_map", map);
}

/* --- files through an overlay and plain ------------------------------------------------------- */

static int plain_folder = -1, merged_folder = -1, plain_file = -1, merged_file = -1;
static const char *opened;

static void new_file(const char *path) {
    static char page[PAGE];
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) cannot("a file cannot be made", strerror(errno));
    for (int i = 0; i < 16; i++)
        if (write(file, page, PAGE) != PAGE) cannot("a file cannot be written", NULL);
    close(file);
}

/* A file of an image lies in its lowest layer, one that was written in the writable one. */
static void overlay_setup(void) {
    static const char *const folders[] = {"plain", "low1",  "low2", "low3",
                                          "upper", "merged", "work"};
    const char *layers = "lowerdir=low1:low2:low3,upperdir=upper,workdir=work";
    char options[128];
    leave_for(CLONE_NEWNS);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cannot("no mounts of its own", strerror(errno));
    if (chdir(folder)) cannot("its folder", strerror(errno));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (mkdir(folders[i], 0700) && errno != EEXIST) cannot(folders[i], strerror(errno));
    new_file("plain/image");
    new_file("plain/written");
    new_file("low3/image");
    new_file("upper/written");
    snprintf(options, sizeof options, "%s,userxattr", layers);
    if (mount("overlay", "merged", "overlay", 0, layers) &&
        mount("overlay", "merged", "overlay", 0, options))
        cannot("no overlay can be mounted", strerror(errno));
    plain_folder = open("plain", O_PATH | O_DIRECTORY | O_CLOEXEC);
    merged_folder = open("merged", O_PATH | O_DIRECTORY | O_CLOEXEC);
    plain_file = openat(plain_folder, "written", O_RDWR | O_CLOEXEC);
    merged_file = openat(merged_folder, "written", O_RDWR | O_CLOEXEC);
    if (plain_file < 0 || merged_file < 0) cannot("its files", strerror(errno));
}

/* What the kernel leaves behind in an overlay's work folder has no permissions. */
static void overlay_end(void) {
    close(plain_file), close(merged_file), close(plain_folder), close(merged_folder);
    umount2("merged", MNT_DETACH);
    chmod("work/work", 0700);
}

#define OPENS(name, at)                                                                        \
    static void name(uint64_t ops) {                                                           \
        for (uint64_t i = 0; i < ops; i++) {                                                   \
            int file = openat(at, opened, O_RDONLY);                                           \
            sink = file;                                                                       \
            close(file);                                                                       \
        }                                                                                      \
    }
#define PAGES(name, call, file)                                                                \
    static void name(uint64_t ops) {                                                           \
        static char page[PAGE];                                                                \
        for (uint64_t i = 0; i < ops; i++) sink = call(file, page, PAGE, (i % 16) * PAGE);     \
    }
OPENS(open_plain, plain_folder)
OPENS(open_merged, merged_folder)
PAGES(read_plain, pread, plain_file)
PAGES(read_merged, pread, merged_file)
PAGES(write_plain, pwrite, plain_file)
PAGES(write_merged, pwrite, merged_file)

static void overlay(work *plain, work *merged) {
    opened = "image";
    overlay_setup();
    compare(plain, 1, merged, 1);
    overlay_end();
}

static void overlay_open(void) { overlay(open_plain, open_merged); }
static void overlay_read(void) { overlay(read_plain, read_merged); }
static void overlay_write(void) { overlay(write_plain, write_merged); }

/* --- switches and faults ----------------------------------------------------------------------- */

static int to_self[2], to_partner[2], to_here[2];

/* A byte through a pipe and back out, without a switch. */
static void pipe_alone(uint64_t ops) {
    char byte = 0;
    for (uint64_t i = 0; i < ops; i++)
        if (write(to_self[1], &byte, 1) != 1 || read(to_self[0], &byte, 1) != 1) _exit(3);
}

static void pipe_round(uint64_t ops) {
    char byte = 0;
    for (uint64_t i = 0; i < ops; i++)
        if (write(to_partner[1], &byte, 1) != 1 || read(to_here[0], &byte, 1) != 1) _exit(3);
}

static pid_t partner;

/* A partner that sends every byte back, both ends on one processor: each message is a switch. */
static void with_partner(void) {
    pid_t here = getpid();
    on_one_processor();
    if (pipe(to_self) || pipe(to_partner) || pipe(to_here)) cannot("no pipe", strerror(errno));
    partner = fork();
    if (partner < 0) cannot("no process", strerror(errno));
    if (partner == 0) {
        char byte;
        ends_with_parent(here);
        while (read(to_partner[0], &byte, 1) == 1 && write(to_here[1], &byte, 1) == 1) continue;
        _exit(0);
    }
}

/* A round trip is twice a byte through a pipe, and two switches. */
static void context_switch(void) {
    with_partner();
    compare(pipe_alone, 1, pipe_round, 2);
    ended(partner);
}

static void join(const char *group, pid_t who) {
    char text[32];
    snprintf(text, sizeof text, "%d", (int)who);
    if (put(group, text)) cannot("a control group cannot be joined", strerror(errno));
}

static void both_join(void) {
    join(cpu_group, partner);
    join(cpu_group, getpid());
}

static void group_switch(void) {
    with_partner();
    before_and_after(pipe_round, 2, both_join);
    ended(partner);
}

static void mapped(uint64_t ops, int touched) {
    for (uint64_t i = 0; i < ops; i++) {
        char *fresh = mmap(NULL, FAULT_PAGES * PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED) _exit(3);
        madvise(fresh, FAULT_PAGES * PAGE, MADV_NOHUGEPAGE);
        for (int p = 0; p < touched; p++) ((volatile char *)fresh)[p * PAGE] = 1;
        munmap(fresh, FAULT_PAGES * PAGE);
    }
}

static void untouched(uint64_t ops) { mapped(ops, 0); }
static void touched(uint64_t ops) { mapped(ops, FAULT_PAGES); }
static void page_fault(void) { compare(untouched, FAULT_PAGES, touched, FAULT_PAGES); }

static void joins_memory(void) { join(memory_group, getpid()); }
static void group_fault(void) { before_and_after(touched, FAULT_PAGES, joins_memory); }

/* --- loads whose page no translation buffer holds ------------------------------------------------ */

static void **huge_place, **usual_place;
static uint64_t random_state = 88172645463325252ull;

static uint64_t random_next(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double huge_share_of(const char *start) {
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[256];
    int inside = 0;
    double kb = 0;
    if (!maps) return 0;
    while (fgets(line, sizeof line, maps)) {
        unsigned long low, high, value;
        if (sscanf(line, "%lx-%lx ", &low, &high) == 2)
            inside = (uintptr_t)start < high && (uintptr_t)start + CHASE_BYTES > low;
        else if (inside && sscanf(line, "AnonHugePages: %lu kB", &value) == 1)
            kb += value;
    }
    fclose(maps);
    return kb * 1024 / CHASE_BYTES;
}

/* A random cycle through every line of fresh memory (Sattolo). */
static void **cycle(int huge) {
    const size_t lines = CHASE_BYTES / LINE;
    char *taken = mmap(NULL, CHASE_BYTES + HUGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (taken == MAP_FAILED) cannot("no memory", NULL);
    char *block = (char *)(((uintptr_t)taken + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES);
    madvise(taken, CHASE_BYTES + HUGE_BYTES, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(block, 1, CHASE_BYTES);
    if (huge && huge_share_of(block) < 0.9) cannot("its memory is not on 2 MiB pages", NULL);
#define AT(i) (*(void **)(block + (i) * LINE))
    for (size_t i = 0; i < lines; i++) AT(i) = block + i * LINE;
    for (size_t i = lines - 1; i > 0; i--) {
        size_t j = random_next() % i;
        void *kept = AT(i);
        AT(i) = AT(j);
        AT(j) = kept;
    }
#undef AT
    return (void **)block;
}

static void **chase(void **at, uint64_t ops) {
    for (uint64_t i = 0; i < ops; i++) at = *at;
    sink = (uintptr_t)at;
    return at;
}

static void chase_huge(uint64_t ops) { huge_place = chase(huge_place, ops); }
static void chase_usual(uint64_t ops) { usual_place = chase(usual_place, ops); }

static void page_walk(void) {
    huge_place = cycle(1);
    usual_place = cycle(0);
    /* Both are gone through in turn: what was made last would be nearer. */
    for (int i = 0; i < 16; i++) {
        chase_huge(CHASE_BYTES / LINE / 16);
        chase_usual(CHASE_BYTES / LINE / 16);
    }
    compare(chase_huge, 1, chase_usual, 1);
}

/* --- a packet over a pair of virtual devices, and over a bridge and a pair more -------------------- */

#define PORT 7000
static int direct_end = -1, bridged_end = -1;

/* Run the tool ip on a script in the network namespace of a process. */
static void configure(pid_t where, const char *script) {
    char path[64], line[160] = "it failed";
    int in[2], out[2], status;
    ssize_t got;
    if (pipe(in) || pipe(out)) cannot("no pipe", strerror(errno));
    pid_t here = getpid(), tool = fork();
    if (tool < 0) cannot("no process", strerror(errno));
    if (tool == 0) {
        ends_with_parent(here);
        snprintf(path, sizeof path, "/proc/%d/ns/net", (int)where);
        int space = open(path, O_RDONLY | O_CLOEXEC);
        if (space < 0 || setns(space, CLONE_NEWNET)) _exit(126);
        dup2(in[0], 0), dup2(out[1], 1), dup2(out[1], 2);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]);
        execlp("ip", "ip", "-batch", "-", (char *)NULL);
        _exit(127);
    }
    close(in[0]), close(out[1]);
    signal(SIGPIPE, SIG_IGN);
    if (write(in[1], script, strlen(script)) < 0) strcpy(line, "it does not read");
    close(in[1]);
    got = read(out[0], line, sizeof line - 1);
    if (got > 0) line[got] = 0, line[strcspn(line, "\n")] = 0;
    while (waitpid(tool, &status, 0) < 0 && errno == EINTR) continue;
    close(out[0]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        cannot("ip is not installed (package iproute2)", NULL);
    if (status) cannot("ip", line);
}

/* A process with a network of its own; it answers every packet, or only keeps the network. */
static pid_t with_network(int answers) {
    int ready[2];
    char byte;
    pid_t here = getpid(), made;
    if (pipe(ready)) cannot("no pipe", strerror(errno));
    made = fork();
    if (made < 0) cannot("no process", strerror(errno));
    if (made == 0) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)}, from;
        ends_with_parent(here);
        close(ready[0]);
        if (unshare(CLONE_NEWNET)) _exit(3);
        int end = socket(AF_INET, SOCK_DGRAM, 0);
        if (end < 0 || bind(end, (struct sockaddr *)&at, sizeof at)) _exit(3);
        if (write(ready[1], "", 1) != 1) _exit(3);
        while (!answers) pause();
        for (;;) {
            char message[64];
            socklen_t size = sizeof from;
            ssize_t got = recvfrom(end, message, sizeof message, 0, (struct sockaddr *)&from, &size);
            if (got > 0) sendto(end, message, got, 0, (struct sockaddr *)&from, size);
        }
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) cannot("no network namespace of its own", NULL);
    close(ready[0]);
    return made;
}

static void round_trips(int end, uint64_t ops) {
    char message[64] = {0};
    for (uint64_t i = 0; i < ops; i++)
        if (send(end, message, sizeof message, 0) != sizeof message ||
            recv(end, message, sizeof message, 0) != sizeof message)
            cannot("a packet was lost", NULL);
}

static void direct(uint64_t ops) { round_trips(direct_end, ops); }
static void bridged(uint64_t ops) { round_trips(bridged_end, ops); }

static int reach(const char *address) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct timeval soon = {.tv_usec = 100000}, late = {.tv_sec = 2};
    char message[64] = {0};
    int end = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, address, &to.sin_addr);
    if (end < 0 || connect(end, (struct sockaddr *)&to, sizeof to))
        cannot("no way between its networks", strerror(errno));
    setsockopt(end, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    for (int tries = 0; tries < 50; tries++) {
        ssize_t sent = send(end, message, sizeof message, 0);
        if (sent > 0 && recv(end, message, sizeof message, 0) == sizeof message) {
            /* An answer that came late would be taken for the next one's. */
            while (recv(end, message, sizeof message, MSG_DONTWAIT) > 0) continue;
            setsockopt(end, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late);
            return end;
        }
        if (sent < 0) usleep(20000);
    }
    cannot("no packet comes back between its networks", NULL);
}

/* All ends on one processor, so that the path is passed without waiting for another. */
static void veth(void) {
    char script[1024];
    leave_for(CLONE_NEWNET);
    on_one_processor();
    pid_t here = getpid(), far = with_network(1), between = with_network(0);
    snprintf(script, sizeof script,
             "link add direct type veth peer name direct netns %d\n"
             "link add near type veth peer name near netns %d\n"
             "address add 10.213.1.1/24 dev direct\n"
             "address add 10.213.2.1/24 dev near\n"
             "link set direct up\nlink set near up\nlink set lo up\n",
             (int)far, (int)between);
    configure(here, script);
    snprintf(script, sizeof script,
             "link add far type veth peer name far netns %d\n"
             "link add bridge type bridge\n"
             "link set near master bridge\nlink set far master bridge\n"
             "link set near up\nlink set far up\nlink set bridge up\n",
             (int)far);
    configure(between, script);
    configure(far,
              "address add 10.213.1.2/24 dev direct\naddress add 10.213.2.2/24 dev far\n"
              "link set direct up\nlink set far up\n");
    direct_end = reach("10.213.1.2");
    bridged_end = reach("10.213.2.2");
    compare(direct, 1, bridged, 1);
    ended(far);
    ended(between);
}

/* --- the processor ------------------------------------------------------------------------------- */

/* Each addition waits for the one before: a cycle each. (An addition of a constant may take none.) */
static void additions(uint64_t ops) {
    uint64_t x = ops, y = ops | 1;
#if defined __x86_64__
#define ADD "add %1, %0\n\t"
#elif defined __aarch64__
#define ADD "add %0, %0, %1\n\t"
#endif
#ifdef ADD
#define TEN ADD ADD ADD ADD ADD ADD ADD ADD ADD ADD
    for (uint64_t i = 0; i < ops; i++)
        __asm__ volatile(TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN : "+r"(x) : "r"(y) : "cc");
#endif
    sink = x;
}

static void clock_cycle(void) {
#ifdef ADD
    struct side side = {.run = additions, .per_run = 100};
    size_window(&side);
    windows(&side, 1, budget_ns);
    answer(NULL, &side);
#else
    cannot("it is written for x86-64 and ARM64", NULL);
#endif
}

#ifdef __x86_64__
#define signature_KVM_ebx 0x4b4d564b /* "KVMK" */

static void cpuid_once(uint64_t ops) {
    unsigned a, b, c, d;
    for (uint64_t i = 0; i < ops; i++) {
        __cpuid(0, a, b, c, d);
        sink = b;
    }
}
#endif

/* The one instruction that leaves every guest of x86-64 hardware and that a program may use. */
static void cpuid(void) {
#ifdef __x86_64__
    unsigned a, b, c, d;
    __cpuid(1, a, b, c, d);
    if (!(c & 1u << 31)) cannot("this machine is no guest", NULL);
    __cpuid(0x40000000, a, b, c, d);
    if (b != signature_KVM_ebx) cannot("its hypervisor is not KVM", NULL);
    alone(cpuid_once);
#else
    cannot("only x86-64 has the instruction", NULL);
#endif
}

/* --- the table ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*measure)(void);
} measures[] = {
    {"call", call},
    {"seccomp-cached", seccomp_cached},
    {"seccomp-short", seccomp_short},
    {"seccomp-long", seccomp_long},
    {"overlay-open", overlay_open},
    {"overlay-read", overlay_read},
    {"overlay-write", overlay_write},
    {"switch", context_switch},
    {"page-fault", page_fault},
    {"group-switch", group_switch},
    {"group-fault", group_fault},
    {"page-walk", page_walk},
    {"veth", veth},
    {"clock", clock_cycle},
    {"cpuid", cpuid},
};

static void in_child(void (*measure)(void)) {
    pid_t here = getpid(), child;
    int status;
    fflush(stdout);
    child = fork();
    if (child < 0) cannot("no process", strerror(errno));
    if (child == 0) {
        ends_with_parent(here);
        measure();
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (status) printf("%s cannot it ended with status %d\n", asked, status);
}

int main(int argc, char **argv) {
    char line[128], name[64];
    double budget_ms;
    folder = argc > 1 ? argv[1] : ".";
    cpu_group = argc > 2 ? argv[2] : "";
    memory_group = argc > 3 ? argv[3] : "";
    asked = name;
    setvbuf(stdout, NULL, _IOLBF, 4096);
    printf("ready\n");
    while (fgets(line, sizeof line, stdin)) {
        const size_t count = sizeof measures / sizeof *measures;
        size_t i = 0;
        if (sscanf(line, "%63s %lf", name, &budget_ms) != 2) continue;
        while (i < count && strcmp(measures[i].name, name)) i++;
        budget_ns = budget_ms * 1e6;
        if (i < count)
            in_child(measures[i].measure);
        else
            printf("%s cannot it is not among this build's measures\n", name);
        fflush(stdout);
    }
    return 0;
}
