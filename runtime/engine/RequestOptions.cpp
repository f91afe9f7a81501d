#include "runtime/engine/RequestOptions.h"

#include "runtime/Failure.h"
#include "runtime/api/Status.h"
#include "runtime/grammar/JsonSchema.h"
#include "runtime/session/PageOwner.h"
#include "runtime/tokenizer/Utf8.h"

#include <cmath>

namespace lathe::runtime {

static void checkToken(const char *array, size_t index, int32_t token, int64_t vocabulary) {
  if (token < 0 || token >= vocabulary)
    throw Failure(LATHE_INVALID_ARGUMENT, array, "[", index, "] is ", token, " but the vocabulary has ", vocabulary);
}

/// Arrays whose length is a field of its own.
static void checkArray(const char *array, const void *data, size_t count) {
  if (count != 0 && !data)
    throw Failure(LATHE_INVALID_ARGUMENT, array, " is NULL but there are to be ", count);
}

static std::vector<int32_t> readTokens(const char *array, const int32_t *tokens, size_t count, int64_t vocabulary) {
  checkArray(array, tokens, count);
  for (size_t i = 0; i != count; ++i)
    checkToken(array, i, tokens[i], vocabulary);
  return std::vector<int32_t>(tokens, tokens + count);
}

static int64_t pagesOf(int64_t tokens) { return (tokens + PageTokens - 1) / PageTokens; }

/// How many tokens the request may write. The last one is given out, but needs no place.
static int64_t readMaxTokens(const lathe_request_options &given, const TextLimits &limits) {
  if (given.max_tokens < 0 || given.max_tokens > INT32_MAX)
    throw Failure(LATHE_INVALID_ARGUMENT, "max_tokens is ", given.max_tokens, " but must be from 0 to ", INT32_MAX);
  int64_t prompt = int64_t(given.token_count), written = given.max_tokens ? given.max_tokens : 1;
  int64_t pages = pagesOf(prompt + written - 1), longestPages = pagesOf(limits.longest);
  auto refuse = [&](lathe_code code, const auto &...reason) {
    throw Failure(code, "a prompt of ", prompt, " and ", written, " tokens to write need ", pages, " pages, which are ",
                  limits.room.textBytes(pages), " bytes, but ", reason...);
  };
  if (prompt + written - 1 > limits.longest)
    refuse(LATHE_INVALID_ARGUMENT, "the model was compiled for texts of ", limits.longest, " tokens, which are ",
           limits.room.textBytes(longestPages), " bytes; ask for less or compile it for longer texts");
  if (int64_t most = limits.room.textPages; pages > most)
    refuse(LATHE_OUT_OF_MEMORY, "the session has ", most, " pages, which are ", limits.room.textBytes(most),
           " bytes; ask for less or raise ",
           most * PageTokens < limits.room.longest ? "kv_cache_bytes" : "max_text_tokens");
  int64_t longest = std::min(limits.longest, limits.room.textPages * PageTokens);
  return given.max_tokens ? given.max_tokens : longest - prompt + 1;
}

static bool isText(std::string_view text) {
  while (!text.empty()) {
    Character character = readCharacter(text);
    if (!character.isValid)
      return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

static std::vector<std::string> readStopStrings(const lathe_request_options &given) {
  checkArray("stop_strings", given.stop_strings, given.stop_string_count);
  std::vector<std::string> strings;
  for (size_t i = 0; i != given.stop_string_count; ++i) {
    const char *text = given.stop_strings[i];
    const char *fault = !text ? "NULL" : !*text ? "empty" : !isText(text) ? "not UTF-8" : nullptr;
    if (fault)
      throw Failure(LATHE_INVALID_ARGUMENT, "stop_strings[", i, "] is ", fault);
    strings.push_back(text);
  }
  return strings;
}

static std::shared_ptr<const Grammar> readGrammar(const lathe_request_options &given) {
  if (given.grammar && given.json_schema)
    throw Failure(LATHE_INVALID_ARGUMENT, "grammar and json_schema are both set; set one of them");
  if (given.grammar)
    return Grammar::parse(given.grammar);
  return given.json_schema ? Grammar::parse(jsonSchemaGrammar(given.json_schema)) : nullptr;
}

static void requireTokenizer(const lathe_request_options &given) {
  const std::pair<const char *, bool> fields[] = {
      {"stop_strings", given.stop_string_count != 0}, {"grammar", given.grammar}, {"json_schema", given.json_schema}};
  for (auto [name, isSet] : fields)
    if (isSet)
      throw Failure(LATHE_INVALID_ARGUMENT, name,
                    " needs a tokenizer but the engine was created without; set it in lathe_engine_options");
}

RequestOptions readRequest(const lathe_request_options &given, const TextLimits &limits, const Tokenizer *tokenizer) {
  if (!tokenizer)
    requireTokenizer(given);
  if (given.token_count == 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "token_count is 0 but a prompt has at least 1 token");
  RequestOptions options;
  options.maxTokens = readMaxTokens(given, limits);
  options.prompt = readTokens("tokens", given.tokens, given.token_count, limits.vocabulary);
  if (given.sampler) {
    lathe_sampler sampler = readOptions(given.sampler, /*required=*/true);
    options.sampling = readSampler(sampler);
    options.seed = sampler.seed;
    options.penaltyTokens = sampler.penalty_tokens;
  } else {
    options.sampling.temperature = 0;
  }
  checkArray("logit_biases", given.logit_biases, given.logit_bias_count);
  for (size_t i = 0; i != given.logit_bias_count; ++i) {
    auto [token, bias] = given.logit_biases[i];
    checkToken("logit_biases", i, token, limits.vocabulary);
    if (std::isnan(bias))
      throw Failure(LATHE_INVALID_ARGUMENT, "logit_biases[", i, "] is not a number");
    options.logitBiases.emplace_back(token, bias);
  }
  options.stopTokens = readTokens("stop_tokens", given.stop_tokens, given.stop_token_count, limits.vocabulary);
  options.stopStrings = readStopStrings(given);
  options.ignoresEnd = given.ignore_end;
  options.keepsSpecial = given.keep_special;
  options.grammar = readGrammar(given);
  options.wantsLogProbabilities = given.log_probabilities;
  options.wantsLogits = given.logits;
  if (given.top_tokens < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "top_tokens is ", given.top_tokens, " but must be at least 0");
  options.topTokens = int32_t(std::min<int64_t>(given.top_tokens, limits.vocabulary));
  return options;
}

} // namespace lathe::runtime
