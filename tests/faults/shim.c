/* A disk that fails when it is told to.
 *
 * Preloaded into a process, this counts its system calls that write below one folder, and makes
 * the k-th of them fail, stop half-way, or end the process. The kernel traps the calls (seccomp),
 * so also those are seen that do not go through the C library.
 *
 *   SHIM_BELOW   the folder
 *   SHIM_REPORT  a file: the count as 8 bytes, then the call that was hit as text
 *   SHIM_AT      which call, from 1; 0 only counts
 *   SHIM_DO      an errno as a number, `kill`, or `short`: half of what was to be written
 *   SHIM_EVER    1: all calls from then on, too
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "it knows the registers of x86_64 only"
#endif

/* The one place whose calls are not trapped. */
long shim_call(long number, long a, long b, long c, long d, long e, long f);
extern const char shim_called[];
__asm__(".globl shim_call\n.hidden shim_call\n.hidden shim_called\n"
        "shim_call:\n"
        "  mov %rdi, %rax\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n  mov %r9, %r8\n  mov 8(%rsp), %r9\n"
        "  syscall\n"
        "shim_called:\n  ret\n");

struct report {
    uint64_t count;
    char hit[4096];
};

static struct report *report;
static char below[4096];
static uint64_t at;
static int ever;
static enum { FAIL, KILL, SHORT } deed;
static long code;

/* What a trapped call writes to: the place of a descriptor or of a path among its arguments. */
struct kind {
    long number;
    const char *name;
    int descriptor; /* -1: none */
    int path;
};

static const struct kind kinds[] = {
    {SYS_write, "write", 0, -1},
    {SYS_writev, "writev", 0, -1},
    {SYS_pwrite64, "pwrite", 0, -1},
    {SYS_fsync, "fsync", 0, -1},
    {SYS_fdatasync, "fdatasync", 0, -1},
    {SYS_sync_file_range, "sync_file_range", 0, -1},
    {SYS_ftruncate, "ftruncate", 0, -1},
    {SYS_fallocate, "fallocate", 0, -1},
    {SYS_open, "open", -1, 0},
    {SYS_openat, "openat", -1, 1},
    {SYS_creat, "creat", -1, 0},
    {SYS_mkdir, "mkdir", -1, 0},
    {SYS_mkdirat, "mkdirat", -1, 1},
    {SYS_rename, "rename", -1, 1},
    {SYS_renameat, "renameat", -1, 3},
    {SYS_renameat2, "renameat2", -1, 3},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const struct kind *kind_of(long number) {
    for (int i = 0; i < KINDS; i++)
        if (kinds[i].number == number) return &kinds[i];
    return NULL;
}

static void path_of(const struct kind *kind, const long *args, char *path, size_t size) {
    path[0] = 0;
    if (kind->path >= 0) {
        snprintf(path, size, "%s", (const char *)args[kind->path]);
        return;
    }
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%ld", args[kind->descriptor]);
    ssize_t length = readlink(link, path, size - 1);
    path[length < 0 ? 0 : length] = 0;
}

static long half(long number, long *args) {
    if (number == SYS_write || number == SYS_pwrite64) {
        if (args[2] > 1) args[2] /= 2;
    } else if (number == SYS_writev && args[2] > 0) {
        const struct iovec *first = (const struct iovec *)args[1];
        number = SYS_write;
        args[1] = (long)first->iov_base;
        args[2] = (long)(first->iov_len > 1 ? first->iov_len / 2 : first->iov_len);
    }
    return shim_call(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static long decide(long number, long *args) {
    const struct kind *kind = kind_of(number);
    char path[4096];
    if (kind) {
        path_of(kind, args, path, sizeof path);
        if (strncmp(path, below, strlen(below)) == 0) {
            uint64_t count = __atomic_add_fetch(&report->count, 1, __ATOMIC_SEQ_CST);
            if (at != 0 && (count == at || (ever && count > at))) {
                if (count == at)
                    snprintf(report->hit, sizeof report->hit, "%s %.4000s", kind->name, path);
                if (deed == FAIL) return -code;
                if (deed == SHORT) return half(number, args);
                shim_call(SYS_kill, getpid(), SIGKILL, 0, 0, 0, 0);
            }
        }
    }
    return shim_call(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    long args[6] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                    registers[REG_R10], registers[REG_R8],  registers[REG_R9]};
    int saved = errno;
    registers[REG_RAX] = decide(info->si_syscall, args);
    errno = saved;
}

static void give_up(const char *what) {
    fprintf(stderr, "shim: %s: %s\n", what, strerror(errno));
    _exit(125);
}

static const char *setting(const char *name) {
    const char *value = getenv(name);
    if (!value) {
        errno = EINVAL;
        give_up(name);
    }
    return value;
}

static void install(void) {
    enum { MOST = 16 + 4 * KINDS };
    struct sock_filter filter[MOST];
    size_t length = 0;
    uint64_t free_at = (uint64_t)(uintptr_t)shim_called;
#define ADD(...) filter[length++] = (struct sock_filter)__VA_ARGS__
#define LOAD(field) ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(field)))
#define PASS ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW))
#define TRAP ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP))
    LOAD(offsetof(struct seccomp_data, arch));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    PASS;
    LOAD(offsetof(struct seccomp_data, instruction_pointer));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)free_at, 0, 3));
    LOAD(offsetof(struct seccomp_data, instruction_pointer) + 4);
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(free_at >> 32), 0, 1));
    PASS;
    LOAD(offsetof(struct seccomp_data, nr));
    for (int i = 0; i < KINDS; i++) {
        long number = kinds[i].number;
        if (number == SYS_open || number == SYS_openat) {
            /* Only those that may make a file. */
            int flags = number == SYS_open ? 1 : 2;
            ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4));
            LOAD(offsetof(struct seccomp_data, args) + 8 * flags);
            ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT, 0, 1));
            TRAP;
            PASS;
        } else {
            ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1));
            TRAP;
        }
    }
    PASS;
    struct sock_fprog program = {(unsigned short)length, filter};
    struct sigaction action = {0};
    action.sa_sigaction = trapped;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (sigaction(SIGSYS, &action, NULL)) give_up("sigaction");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) give_up("no_new_privs");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) give_up("seccomp");
}

__attribute__((constructor)) static void begin(void) {
    snprintf(below, sizeof below, "%s", setting("SHIM_BELOW"));
    at = strtoull(setting("SHIM_AT"), NULL, 10);
    ever = strcmp(setting("SHIM_EVER"), "1") == 0;
    const char *what = setting("SHIM_DO");
    deed = strcmp(what, "kill") == 0 ? KILL : strcmp(what, "short") == 0 ? SHORT : FAIL;
    code = deed == FAIL ? strtol(what, NULL, 10) : 0;
    int file = open(setting("SHIM_REPORT"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *report)) give_up("report");
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (report == MAP_FAILED) give_up("report");
    close(file);
    install();
}
