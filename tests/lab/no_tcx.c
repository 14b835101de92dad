// Preloaded into the daemon: a kernel before 6.6, which has no tcx and refuses it as an unknown attach type.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <sys/syscall.h>

#define TCX_INGRESS 46
#define TCX_EGRESS 47

long syscall(long number, ...) {
    static long (*real)(long, ...);
    long argument[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        argument[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_bpf && argument[0] == BPF_LINK_CREATE) {
        long type = ((union bpf_attr*)argument[1])->link_create.attach_type;
        if (type == TCX_INGRESS || type == TCX_EGRESS) {
            errno = EINVAL;
            return -1;
        }
    }
    if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
