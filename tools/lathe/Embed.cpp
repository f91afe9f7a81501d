// Texts to vectors: as many texts in one call as fit, whose results do not depend on each other.
#include "tools/ExitCodes.h"
#include "tools/lathe/Arrays.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Encode.h"
#include "tools/lathe/Npy.h"
#include "tools/lathe/TokenLimits.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iostream>

namespace lathe::tools {

namespace {

struct EmbedArguments {
  ModelArguments model;
  std::vector<std::string> prompts, files, tokens;
  std::string pooling = "model", output;
  bool normalize = false;
};

/// In the order of lathe_pooling; "none" stands behind it.
constexpr const char *Poolings[] = {"model", "mean", "cls", "last"};

struct Text {
  std::string name; ///< where it came from, for messages
  std::vector<int32_t> tokens;
};

/// "1,5,9" as ids.
std::vector<int32_t> parseIds(const std::string &name, const std::string &list) {
  std::vector<int32_t> ids;
  const char *next = list.data(), *end = next + list.size();
  while (true) {
    auto [stop, error] = std::from_chars(next, end, ids.emplace_back());
    if (error != std::errc() || (stop != end && *stop != ','))
      throw CommandFailure(LATHE_INVALID_ARGUMENT,
                           name + ": is '" + list + "', needed token ids with commas between them, 1,5,9 for example");
    if (stop == end)
      return ids;
    next = stop + 1;
  }
}

/// Texts of the command line and of files, else the lines of standard input.
std::vector<Text> readTexts(const EmbedArguments &arguments, const Tokenizer &tokenizer) {
  std::vector<Text> texts;
  auto add = [&](const std::string &name, const std::string &text) {
    texts.push_back({name, encode(tokenizer, text, /*addSpecial=*/true, /*parseSpecial=*/false)});
    if (texts.back().tokens.empty())
      throw CommandFailure(LATHE_INVALID_ARGUMENT, name + ": has no tokens");
  };
  for (size_t i = 0; i != arguments.prompts.size(); ++i)
    add("--prompt " + std::to_string(i + 1), arguments.prompts[i]);
  for (const std::string &file : arguments.files)
    add(file, readWholeFile(file));
  for (size_t i = 0; i != arguments.tokens.size(); ++i) {
    std::string name = "--tokens " + std::to_string(i + 1);
    texts.push_back({name, parseIds(name, arguments.tokens[i])});
  }
  std::string line;
  if (texts.empty())
    while (std::getline(std::cin, line))
      add("standard input: line " + std::to_string(texts.size() + 1), line);
  if (texts.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         "standard input: has no line; give texts there, or with -p, -f or --tokens");
  return texts;
}

/// Runs an encoder over texts, and collects rows: one for each text, or without pooling one for each token.
class Encoder {
public:
  Encoder(const Model &model, const EmbedArguments &arguments)
      : info(model.info()), width(lathe_program_output(model.program.get(), model.entry, 0)->shape[1]),
        maxTokens(std::min(info.max_tokens, greatestSize(model, "tokens", 0))),
        batchTokens(greatestSize(model, "tokens", 0)), batchTexts(greatestSize(model, "row_offsets", 0) - 1),
        session(createSession(model, nullptr)), pools(arguments.pooling != "none"), normalize(arguments.normalize) {
    for (size_t i = 0; i != std::size(Poolings); ++i)
      if (arguments.pooling == Poolings[i])
        pooling = lathe_pooling(i);
  }

  void run(const std::vector<Text> &texts) {
    for (size_t first = 0; first != texts.size();) {
      size_t last = first;
      int64_t tokens = 0;
      for (; last != texts.size() && int64_t(last - first) < batchTexts; ++last) {
        int64_t count = int64_t(texts[last].tokens.size());
        if (count > maxTokens)
          throw CommandFailure(LATHE_INVALID_ARGUMENT, texts[last].name + ": has " + std::to_string(count) +
                                                           " tokens but the model was compiled for at most " +
                                                           std::to_string(maxTokens) + "; shorten it");
        if (tokens + count > batchTokens)
          break;
        tokens += count;
      }
      runBatch(texts, first, last);
      first = last;
    }
  }

  const lathe_entry_info &info;
  const int64_t width;
  std::vector<float> rows; ///< [rows, width]

private:
  void runBatch(const std::vector<Text> &texts, size_t first, size_t last) {
    std::vector<int32_t> counts, tokens;
    for (size_t i = first; i != last; ++i) {
      counts.push_back(int32_t(texts[i].tokens.size()));
      tokens.insert(tokens.end(), texts[i].tokens.begin(), texts[i].tokens.end());
    }
    size_t known = rows.size();
    rows.resize(known + (pools ? counts.size() : tokens.size()) * size_t(width));
    lathe_embed_options options = {};
    options.struct_size = sizeof(options);
    options.entry = info.name;
    options.text_count = counts.size();
    options.token_counts = counts.data();
    options.tokens = tokens.data();
    options.pooling = pooling;
    options.normalize = normalize;
    (pools ? options.embeddings : options.hidden_states) = rows.data() + known;
    (pools ? options.embeddings_bytes : options.hidden_states_bytes) = (rows.size() - known) * sizeof(float);
    check(lathe_session_embed(session.get(), &options));
    for (size_t i = known; i != rows.size(); ++i)
      if (!std::isfinite(rows[i]))
        throw CommandFailure(LATHE_DEVICE_ERROR, "the model gives numbers that are not finite for texts " +
                                                     std::to_string(first + 1) + " to " + std::to_string(last));
  }

  int64_t maxTokens, batchTokens, batchTexts;
  Session session;
  lathe_pooling pooling = LATHE_POOLING_MODEL;
  bool pools, normalize;
};

/// A JSON array a line, each number with as few digits as give it back.
void printRows(const Encoder &encoder) {
  std::string line;
  char digits[32];
  for (size_t i = 0; i != encoder.rows.size(); ++i) {
    bool begins = i % size_t(encoder.width) == 0, ends = (i + 1) % size_t(encoder.width) == 0;
    auto [end, error] = std::to_chars(digits, std::end(digits), encoder.rows[i]);
    (line += begins ? "[" : ",").append(digits, end);
    if (!ends)
      continue;
    std::cout << line << "]\n";
    line.clear();
  }
}

int embed(const EmbedArguments &arguments) {
  if (arguments.normalize && arguments.pooling == "none")
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "--normalize is for pooled texts, but --pooling is none");
  Model model = loadModel(arguments.model);
  const std::string &name = arguments.model.model;
  if (model.info().kind != LATHE_ENTRY_ENCODER)
    throw CommandFailure(LATHE_UNSUPPORTED, name + ": entry '" + model.info().name + "' is " +
                                                (model.info().kind == LATHE_ENTRY_TENSOR
                                                     ? "one of tensors; only encoders give embeddings of texts"
                                                     : "a language model; compile it with lathec --embeddings"));
  if (arguments.pooling == "model" && model.info().pooling == LATHE_POOLING_MODEL)
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         name + ": does not say how texts are pooled; choose --pooling mean, cls, last or none");
  std::vector<Text> texts = readTexts(arguments, tokenizerOf(model.program));
  Encoder encoder(model, arguments);
  encoder.run(texts);
  if (arguments.output.empty()) {
    printRows(encoder);
    return Success;
  }
  Array array = {LATHE_F32, {int64_t(encoder.rows.size()) / encoder.width, encoder.width}, {}};
  array.bytes.resize(encoder.rows.size() * sizeof(float));
  std::memcpy(array.bytes.data(), encoder.rows.data(), array.bytes.size());
  writeNpy(arguments.output, array);
  return Success;
}

} // namespace

void addEmbedCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<EmbedArguments>();
  CLI::App *command = app.add_subcommand("embed", "Turn texts into vectors");
  addModelOptions(*command, arguments->model);
  command->add_option("-p,--prompt", arguments->prompts, "A text; may be repeated")->allow_extra_args(false);
  command
      ->add_option("-f,--file", arguments->files,
                   "A file that is one text; may be repeated (default: each line of standard input is a text)")
      ->allow_extra_args(false);
  command
      ->add_option("--tokens", arguments->tokens,
                   "A text as token ids, comma-separated, to which none are added; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--pooling", arguments->pooling,
          "How the tokens of a text become one vector: model (as it was trained), mean, cls (the first), last; "
          "none: a vector for each token")
      ->check(CLI::IsMember({"model", "mean", "cls", "last", "none"}))
      ->capture_default_str();
  command->add_flag("--normalize", arguments->normalize, "Scale each vector to length 1");
  command->add_option("-o,--output", arguments->output, "Write a .npy file, float32 [texts, width]");
  command->callback([arguments, &chosen] { chosen = [arguments] { return embed(*arguments); }; });
}

} // namespace lathe::tools
