#ifndef LATHE_TOOLS_LATHE_EVAL_H
#define LATHE_TOOLS_LATHE_EVAL_H

#include "tools/lathe/TensorInputs.h"

namespace lathe::tools {

struct EvalArguments {
  ModelArguments model;
  std::string text, source, progress = "auto";
  InputArguments inputs;
  int64_t context = 0, stride = 0;
  bool json = false;
};

/// Perplexity of a text, and where there is a source how far the model is from it, as JSON. `model` is what the
/// arguments name. Throws CommandFailure.
nlohmann::json evaluateText(const EvalArguments &arguments, Model model);
void printTextEvaluation(const nlohmann::json &result);

/// Of a model of tensors: its outputs beside those of its source, on the same inputs. Throws CommandFailure.
nlohmann::json evaluateTensors(const EvalArguments &arguments, const Model &model);
void printTensorEvaluation(const nlohmann::json &result);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_EVAL_H
