#include "runtime/cpu/AvailableCpus.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sched.h>
#include <sstream>

namespace lathe::runtime {

/// The quota of one version 2 folder, 0 for "max" or no file.
static double unifiedQuota(const std::string &folder) {
  std::ifstream file(folder + "/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && quota > 0 && period > 0 ? quota / period : 0;
}

static double legacyQuota(const std::string &folder) {
  std::ifstream quotaFile(folder + "/cpu.cfs_quota_us"), periodFile(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quotaFile >> quota && periodFile >> period && quota > 0 && period > 0 ? quota / period : 0;
}

/// The smallest quota of `path` and its ancestors under `root`.
template <typename Read> static double smallest(const std::string &root, std::string path, Read read) {
  double least = 0;
  while (true) {
    double quota = read(root + path);
    if (quota > 0 && (least == 0 || quota < least))
      least = quota;
    if (path.empty() || path == "/")
      return least;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

double cgroupQuota(const std::string &membership, const std::string &root) {
  double least = 0;
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    // id:controllers:path, where version 2 has no controllers.
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",", path = line.substr(second + 1);
    double quota = 0;
    if (controllers == ",,")
      quota = smallest(root, path, unifiedQuota);
    else if (controllers.find(",cpu,") != std::string::npos)
      quota = smallest(root + "/cpu", path, legacyQuota);
    if (quota > 0 && (least == 0 || quota < least))
      least = quota;
  }
  return least;
}

int availableCpus() {
  cpu_set_t set;
  int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  std::ifstream file("/proc/self/cgroup");
  std::ostringstream membership;
  membership << file.rdbuf();
  double quota = cgroupQuota(membership.str(), "/sys/fs/cgroup");
  if (quota > 0)
    cpus = std::min(cpus, int(std::ceil(quota)));
  return std::max(cpus, 1);
}

} // namespace lathe::runtime
