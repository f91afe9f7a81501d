#include "tools/ExitCodes.h"
#include "tools/lathe/Run.h"
#include "tools/lathe/TokenLimits.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace lathe::tools {

namespace {

/// To write, without --max-tokens.
constexpr int64_t DefaultTokens = 512;

/// What the model is to go on from.
std::vector<int32_t> readPrompt(const RunArguments &arguments, const Model &model, const Tokenizer &tokenizer) {
  const TextArguments &text = arguments.text;
  if (!text.messages.empty()) {
    PromptArguments options = text.prompt;
    Template chatTemplate = templateOf(model.program, tokenizer, text.chatTemplate, options);
    std::string prompt = renderPrompt(chatTemplate, readTextFile(text.messages), options, /*beginsAnswer=*/true);
    // The template has put there whatever the model wants.
    std::vector<int32_t> tokens = encode(tokenizer, prompt, /*addSpecial=*/false, /*parseSpecial=*/true);
    if (tokens.empty())
      throw CommandFailure(LATHE_INVALID_ARGUMENT, text.messages + ": the chat template makes an empty prompt of it");
    return tokens;
  }
  std::string prompt = text.text.value_or("");
  if (text.file == "-")
    prompt = readStandardInput();
  else if (!text.file.empty())
    prompt = readWholeFile(text.file);
  std::vector<int32_t> tokens = encode(tokenizer, prompt, /*addSpecial=*/true, text.generation.special);
  if (tokens.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         arguments.model.model + ": the prompt is empty, and this model needs one to begin with");
  return tokens;
}

std::string quotePiece(const Tokenizer &tokenizer, int32_t token) {
  size_t bytes = 0;
  const char *piece = lathe_tokenizer_piece(tokenizer.get(), token, &bytes);
  // A piece need not be whole characters.
  return nlohmann::json(std::string(piece ? piece : "", bytes))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// A line for each token: id, log-probability and piece, then the same of the likeliest ones.
std::string listTokens(const Tokenizer &tokenizer, const lathe_request_output &output) {
  std::string lines;
  auto add = [&](int32_t token, float logProbability) {
    char number[32];
    std::snprintf(number, sizeof(number), "%.6f", double(logProbability));
    lines += std::to_string(token) + "\t" + number + "\t" + quotePiece(tokenizer, token);
  };
  for (size_t i = 0; i != output.token_count; ++i) {
    add(output.tokens[i], output.log_probabilities[i]);
    for (size_t k = i * output.top_count; k != (i + 1) * output.top_count && output.top_tokens[k] >= 0; ++k) {
      lines += "\t";
      add(output.top_tokens[k], output.top_log_probabilities[k]);
    }
    lines += "\n";
  }
  return lines;
}

} // namespace

int runText(const RunArguments &arguments, const Model &model) {
  Interrupts interrupts;
  Tokenizer tokenizer = tokenizerOf(model.program);
  std::vector<int32_t> prompt = readPrompt(arguments, model, tokenizer);
  GenerationArguments generation = arguments.text.generation;
  generation.chunk = int32_t(std::min<int64_t>(arguments.prefillChunk, INT32_MAX));
  generation.seed = arguments.inputs.seed;
  int64_t maxTokens = generation.maxTokens, size = int64_t(prompt.size());
  if (!maxTokens) // a prompt that is too long is refused with the first token after it
    maxTokens = std::clamp<int64_t>(TokenLimits(model).length - size + 1, 1, DefaultTokens);
  TextWriter writer(model, tokenizer, generation, size + std::min<int64_t>(maxTokens, INT32_MAX));
  bool lists = generation.logProbabilities >= 0;
  Written written = writer.write(prompt, maxTokens, interrupts, [&](const lathe_request_output &output) {
    printNow(lists ? listTokens(tokenizer, output) : std::string(output.text ? output.text : "", output.text_bytes));
  });
  if (!lists && (written.text.empty() || written.text.back() != '\n'))
    printNow("\n");
  writer.summarize(written);
  return written.finish == LATHE_FINISH_CANCELLED ? Interrupted : Success;
}

} // namespace lathe::tools
