/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/linux/confine.h"

static const struct {
    unsigned lacks;
    const char *name;
} names[CF_LACKS_COUNT] = {
    {CF_LACKS_USER_NS, "user_ns"},     {CF_LACKS_MOUNT_NS, "mount_ns"}, {CF_LACKS_PID_NS, "pid_ns"},
    {CF_LACKS_NET_NS, "net_ns"},       {CF_LACKS_IPC_NS, "ipc_ns"},     {CF_LACKS_UID, "uid"},
    {CF_LACKS_MEMLOCK, "memlock"},     {CF_LACKS_ROOT, "root"},         {CF_LACKS_UTS_NS, "uts_ns"},
    {CF_LACKS_CGROUP_NS, "cgroup_ns"},
};

const char *cf_lacks_name(unsigned lacks)
{
    for (size_t i = 0; i < CF_LACKS_COUNT; i++) {
        if ((lacks & names[i].lacks) != 0) {
            return names[i].name;
        }
    }
    return "nothing";
}
