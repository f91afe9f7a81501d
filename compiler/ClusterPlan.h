// `lathec --plan-only`: how a language model could be spread over the GPUs of a cluster, from its plans alone.
#ifndef LATHE_COMPILER_CLUSTERPLAN_H
#define LATHE_COMPILER_CLUSTERPLAN_H

#include "compiler/Compiler.h"
#include "compiler/report/Machine.h"
#include "llvm/Support/Error.h"

namespace lathe {

/// Nodes that are alike, of GPUs that are alike.
struct Cluster {
  std::string chip;       ///< that kernels are for: "sm_90a"
  report::Machine device; ///< with its links, to GPUs of its node and to other nodes
  int64_t memory = 0;     ///< bytes of a GPU
  int64_t nodes = 1;

  int64_t countDevices() const { return nodes * device.NodeDevices; }
};

/// Reads a cluster (docs/commands.md has its keys). Returns "" or what is wrong, with the path.
std::string readCluster(const std::string &path, Cluster &cluster);

/// Plans the model of `options` for 1, 2, 4, ... ranks, prints its kernels, and predicts its steps with as many texts
/// of the model's context as fit. As JSON: "degrees", each with what a rank has, needs and sends, its steps, or why it
/// is "refused"; and "plans", for 8, 16, ... GPUs up to 1,024 or all of them: the degree that is fastest for one text,
/// and the one that gives the most tokens in all, with independent replicas of the model on what GPUs are left. Degrees
/// end where more ranks make one text slower. Fails with a message, which holds the diagnostics of compiling.
llvm::Expected<nlohmann::ordered_json> planCluster(const CompileOptions &options, const Cluster &cluster);

/// The same as tables for people.
std::string printClusterPlan(const nlohmann::ordered_json &plan);

} // namespace lathe

#endif // LATHE_COMPILER_CLUSTERPLAN_H
