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

/// The model that others were made from, on the text that they are compared on.
class TextSource {
public:
  /// Loads the source that the arguments name. Throws CommandFailure.
  explicit TextSource(const EvalArguments &arguments);
  ~TextSource();

private:
  struct Reading;
  friend nlohmann::json evaluateText(const EvalArguments &, Model, TextSource *);
  std::unique_ptr<Reading> reading;
};

/// Perplexity of a text, and with a source how far the model is from it, as JSON. `model` is what the arguments name.
/// Other models may be compared with the same source on the same text: where its logits take at most 1 GiB, it reads
/// the text only once. Throws CommandFailure.
nlohmann::json evaluateText(const EvalArguments &arguments, Model model, TextSource *source);
void printTextEvaluation(const nlohmann::json &result);

/// Of a model of tensors: its outputs beside those of its source, on the same inputs. Throws CommandFailure.
nlohmann::json evaluateTensors(const EvalArguments &arguments, const Model &model);
void printTensorEvaluation(const nlohmann::json &result);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_EVAL_H
