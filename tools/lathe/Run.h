#ifndef LATHE_TOOLS_LATHE_RUN_H
#define LATHE_TOOLS_LATHE_RUN_H

#include "tools/lathe/Generation.h"
#include "tools/lathe/Prompt.h"
#include "tools/lathe/TensorInputs.h"

#include <cstdint>

namespace lathe::tools {

/// What a language model is given as text, and how it goes on.
struct TextArguments {
  std::optional<std::string> text;
  std::string file, messages, chatTemplate;
  PromptArguments prompt;
  GenerationArguments generation;

  bool given() const { return text || !file.empty() || !messages.empty(); }
};

struct RunArguments {
  ModelArguments model;
  std::string logits;
  InputArguments inputs;
  TextArguments text;
  std::vector<std::string> outputs; ///< NAME=FILE
  std::vector<int32_t> tokens, feed;
  int64_t steps = -1, prefillChunk = 0;
  int repeat = 1;
};

// The two kinds of entry: tensors, and a language model with token ids or text. The last returns the exit code.
void runTensors(const RunArguments &arguments, const Model &model);
void runTokens(const RunArguments &arguments, const Model &model);
int runText(const RunArguments &arguments, const Model &model);

/// Prints to standard error the fastest and the middle of several times in seconds, if there are several.
void reportTimes(const char *what, std::vector<double> seconds);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_RUN_H
