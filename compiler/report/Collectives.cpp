#include "compiler/report/Collectives.h"

#include <algorithm>
#include <bit>

namespace lathe::report {

double countSent(const std::string &operation, double bytes, int64_t ranks) {
  double passes = operation == "all_reduce" ? 2 : 1; // parts of the sum to their ranks, and from there to all
  return ranks > 1 ? passes * bytes * double(ranks - 1) / double(ranks) : 0;
}

static double countDoublings(int64_t ranks) { return double(std::bit_width(uint64_t(ranks - 1))); }

/// Whether a kernel adds up in the memory of other ranks (all_reduce.cuh): one way, for sums that fit its mailboxes.
static bool isDirect(const std::string &operation, double bytes, int64_t ranks, const Machine &machine) {
  constexpr double MailboxBytes = 2 << 20; // of all ranks together
  return operation == "all_reduce" && machine.DirectRate > 0 && bytes * double(ranks) <= MailboxBytes;
}

std::optional<double> predictCollective(const std::string &operation, double bytes, int64_t ranks,
                                        const Machine &machine) {
  if (machine.LinkRate <= 0)
    return {};
  int64_t local = machine.NodeDevices > 0 ? std::min(ranks, machine.NodeDevices) : ranks,
          nodes = (ranks + local - 1) / local;
  if (nodes > 1 && machine.NetworkRate <= 0)
    return {};
  if (nodes == 1 && isDirect(operation, bytes, ranks, machine)) // every number beside that of the call
    return machine.DirectSeconds + 2 * bytes * double(ranks - 1) / machine.DirectRate;
  double seconds = machine.LinkSeconds * countDoublings(local) + countSent(operation, bytes, local) / machine.LinkRate;
  if (nodes > 1)
    seconds += machine.NetworkSeconds * countDoublings(nodes) +
               countSent(operation, bytes / double(local), nodes) / machine.NetworkRate;
  return seconds;
}

} // namespace lathe::report
