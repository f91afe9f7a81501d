#ifndef LATHE_TOOLS_LATHE_GENERATION_H
#define LATHE_TOOLS_LATHE_GENERATION_H

#include "tools/lathe/Encode.h"
#include "tools/lathe/Interrupts.h"

#include <functional>
#include <optional>

namespace lathe::tools {

/// How text is written, as the command line says it.
struct GenerationArguments {
  int64_t maxTokens = 0; ///< 0: what the command says
  lathe_sampler sampler = {};
  std::optional<uint64_t> seed;           ///< else another one each time
  std::vector<std::string> stops, biases; ///< texts; TOKEN=BIAS
  std::string grammar, schema;            ///< files
  int32_t chunk = 0, logProbabilities = -1;
  bool ignoresEnd = false, special = false, quiet = false;
};
inline constexpr char GenerationGroup[] = "Writing text";
/// All but --seed and --log-probs.
void addGenerationOptions(CLI::App &command, GenerationArguments &arguments);

/// What a model wrote after one prompt.
struct Written {
  std::string text;
  lathe_finish finish = LATHE_FINISH_NONE;
  int64_t promptTokens = 0, sharedTokens = 0, tokens = 0;
  double promptSeconds = 0, tokenSeconds = 0; ///< until the first token is there, and from then on
};

/// Writes texts with a language model, one after the other; where two begin alike, the beginning is computed once.
class TextWriter {
public:
  /// Room for texts of `length` tokens, prompt included. Throws CommandFailure.
  TextWriter(const Model &model, const Tokenizer &tokenizer, const GenerationArguments &arguments, int64_t length);

  /// Whatever one step gives, in whole characters.
  using Take = std::function<void(const lathe_request_output &)>;
  /// Writes at most `maxTokens` after `prompt`, 0: as many as there is room for. Ctrl-C ends it early.
  Written write(const std::vector<int32_t> &prompt, int64_t maxTokens, const Interrupts &interrupts, const Take &take);
  /// A line on standard error about what was written, unless --quiet.
  void summarize(const Written &written) const;

private:
  Request submit(const std::vector<int32_t> &prompt, int64_t maxTokens) const;

  GenerationArguments arguments;
  std::string grammar, schema;
  std::vector<lathe_logit_bias> biases;
  std::vector<const char *> stops;
  Session session;
  Engine engine;
};

/// To standard output, at once. At a terminal control characters but line ends and tabs become visible: they could
/// change what stands there, or what the keyboard does. Throws CommandFailure where it takes no more.
void printNow(std::string_view text);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_GENERATION_H
