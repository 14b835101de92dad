// PID 1 of the machine that vm.py boots: its whole initramfs is this program, the modules it needs and a
// command. Over the host's files, which stay as they are, it puts a layer in memory, runs the command there
// and ends the machine with its exit code.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define EXIT_PORT 0xf4 // of isa-debug-exit: QEMU ends with twice what is written, and one
#define OUTPUT "/dev/ttyS1"

static _Noreturn void end(int code) {
    ioperm(EXIT_PORT, 4, 1);
    outl(1 + (code < 126 ? code : 126), EXIT_PORT); // 1 and 0 are QEMU's own, for errors and panics
    _exit(1);
}

static void need(int result, char const* what) {
    if (result >= 0) return;
    fprintf(stderr, "vm_init: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static void put(char const* kind, char const* source, char const* target, int flags, char const* options) {
    if (mkdir(target, 0755) != 0 && errno != EEXIST && errno != EROFS) need(-1, target);
    need(mount(source, target, kind, flags, options), target);
}

// In the order of their names, which is that of their dependencies.
static void load_modules(void) {
    struct dirent** entries;
    int count = scandir("/modules", &entries, NULL, alphasort);

    need(chdir("/modules"), "/modules");
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] == '.') continue;
        int file = open(entries[i]->d_name, O_RDONLY);
        need(syscall(SYS_finit_module, file, "", 0), entries[i]->d_name);
        close(file);
    }
}

static void enter_the_hosts_files(void) {
    put("virtiofs", "host", "/host", MS_RDONLY, NULL);
    put("tmpfs", "layer", "/layer", 0, NULL);
    need(mkdir("/layer/upper", 0755), "upper");
    need(mkdir("/layer/work", 0755), "work");
    put("overlay", "root", "/root", 0, "lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work");
    need(chdir("/root"), "/root");
    put("devtmpfs", "dev", "dev", 0, NULL);
    put("proc", "proc", "proc", 0, NULL);
    put("sysfs", "sys", "sys", 0, NULL);
    put("tmpfs", "run", "run", 0, NULL);
    put("tmpfs", "tmp", "tmp", 0, NULL);
    need(mount(".", "/", NULL, MS_MOVE, NULL), "move");
    need(chroot("."), "chroot");
    need(chdir("/"), "/");
}

// The second serial line, as raw octets.
static int open_output(void) {
    int output = open(OUTPUT, O_WRONLY | O_NOCTTY);
    struct termios line;

    need(output, OUTPUT);
    need(tcgetattr(output, &line), OUTPUT);
    cfmakeraw(&line);
    need(tcsetattr(output, TCSANOW, &line), OUTPUT);
    return output;
}

static pid_t start(int script, int output) {
    pid_t pid = fork();
    char path[32];

    if (pid != 0) return pid;
    setsid();
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(output, 1);
    dup2(output, 2);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", script);
    execl("/bin/bash", "bash", path, NULL);
    _exit(127);
}

int main(void) {
    int script = open("/command", O_RDONLY), status = 0;

    need(script, "/command");
    load_modules();
    enter_the_hosts_files();
    int output = open_output();
    pid_t command = start(script, output), ended;
    need(command, "fork");
    do
        ended = wait(&status); // its orphans are ours
    while (ended != command);
    tcdrain(output);
    end(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
