#ifndef LATHE_TOOLS_LATHE_RUN_H
#define LATHE_TOOLS_LATHE_RUN_H

#include "tools/lathe/TensorInputs.h"

#include <cstdint>

namespace lathe::tools {

struct RunArguments {
  ModelArguments model;
  std::string logits;
  InputArguments inputs;
  std::vector<std::string> outputs; ///< NAME=FILE
  std::vector<int32_t> tokens, feed;
  int64_t steps = -1, prefillChunk = 0;
  int repeat = 1;
};

// The two kinds of entry.
void runTensors(const RunArguments &arguments, const Model &model);
void runTokens(const RunArguments &arguments, const Model &model);

/// Prints to standard error the fastest and the middle of several times in seconds, if there are several.
void reportTimes(const char *what, std::vector<double> seconds);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_RUN_H
