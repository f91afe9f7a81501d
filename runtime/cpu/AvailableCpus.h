#ifndef LATHE_RUNTIME_CPU_AVAILABLECPUS_H
#define LATHE_RUNTIME_CPU_AVAILABLECPUS_H

#include <string>

namespace lathe::runtime {

/// Processors that this process may keep busy: its affinity mask, cut by the cgroup's CPU quota (rounded up).
int availableCpus();

/// The quota in processors of the cgroup that /proc/self/cgroup (`membership`) names under `root`, through all its
/// ancestors; 0 if there is none. Reads cpu.max (version 2) and cpu.cfs_quota_us (version 1).
double cgroupQuota(const std::string &membership, const std::string &root);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CPU_AVAILABLECPUS_H
