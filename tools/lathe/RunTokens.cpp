#include "tools/lathe/Commands.h"
#include "tools/lathe/Npy.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>

namespace lathe::tools {

namespace {

/// Decodes without --feed or --steps.
constexpr int64_t DefaultSteps = 16;

/// Greatest value of the symbol that the first dimension of the input of this role has.
int64_t greatest(const lathe_program *program, size_t entry, const std::string &role) {
  for (size_t i = 0; const lathe_value_info *value = lathe_program_input(program, entry, i); ++i)
    for (size_t s = 0; value->role == role && s != lathe_program_entry(program, entry)->symbol_count; ++s) {
      const lathe_symbol_info *symbol = lathe_program_symbol(program, entry, s);
      if (std::string(symbol->name) == value->symbols[0])
        return symbol->max;
    }
  return 0;
}

/// One text: a session with room for it, and the rows it has given so far.
class Text {
public:
  Text(const RunArguments &arguments, const Program &program, size_t entry, const Device &device, int64_t length)
      : vocabulary(lathe_program_output(program.get(), entry, 0)->shape[1]), keep(!arguments.logits.empty()) {
    lathe_session_options options = {};
    options.struct_size = sizeof(options);
    options.max_sequences = 1;
    for (size_t i = 0; const lathe_state_info *state = lathe_program_state(program.get(), entry, i); ++i)
      if (state->kind == LATHE_STATE_PAGED)
        options.kv_cache_bytes +=
            uint64_t(state->page_bytes * ((length + state->page_tokens - 1) / state->page_tokens));
    lathe_session *created = nullptr;
    check(lathe_session_create(program.get(), device.get(), &options, &created));
    session.reset(created);
    entryName = lathe_program_entry(program.get(), entry)->name;
    chunk = greatest(program.get(), entry, "tokens");
    if (keep)
      chunk = std::min(chunk, greatest(program.get(), entry, "rows"));
    if (arguments.prefillChunk)
      chunk = std::min(chunk, arguments.prefillChunk);
  }

  void start() {
    sequence.reset();
    rows.clear();
    lathe_sequence *created = nullptr;
    check(lathe_sequence_create(session.get(), &created));
    sequence.reset(created);
  }

  /// Appends tokens, in pieces if they are many.
  void append(const std::vector<int32_t> &tokens) {
    for (size_t i = 0; i < tokens.size(); i += size_t(chunk))
      step(tokens.data() + i, int32_t(std::min<size_t>(size_t(chunk), tokens.size() - i)));
  }

  /// The most likely token after the last one.
  int32_t likeliest() const {
    return int32_t(std::max_element(rows.end() - vocabulary, rows.end()) - rows.end() + vocabulary);
  }

  const int64_t vocabulary;
  std::vector<float> rows; ///< of every token with --logits, else of the last

private:
  void step(const int32_t *tokens, int32_t count) {
    lathe_step_options options = {};
    options.struct_size = sizeof(options);
    options.entry = entryName;
    options.sequence_count = 1;
    lathe_sequence *handle = sequence.get();
    options.sequences = &handle;
    options.token_counts = &count;
    options.tokens = tokens;
    std::vector<int32_t> all;
    if (keep) {
      for (int32_t i = 0; i != count; ++i)
        all.push_back(i);
      options.rows = all.data();
      options.row_count = all.size();
    } else {
      rows.clear();
    }
    size_t known = rows.size();
    rows.resize(known + size_t(keep ? count : 1) * size_t(vocabulary));
    options.logits = rows.data() + known;
    options.logits_bytes = (rows.size() - known) * sizeof(float);
    check(lathe_session_step(session.get(), &options));
  }

  bool keep;
  const char *entryName;
  int64_t chunk;
  Session session;
  Sequence sequence;
};

} // namespace

TokenRun generateTokens(const RunArguments &arguments, const Program &program, size_t entry, const Device &device) {
  const std::vector<int32_t> &feed = arguments.feed;
  int64_t steps = arguments.steps >= 0 ? arguments.steps : feed.empty() ? DefaultSteps : int64_t(feed.size());
  if (!feed.empty() && int64_t(feed.size()) < steps)
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         "--feed has " + std::to_string(feed.size()) + " ids but --steps is " + std::to_string(steps));
  Text text(arguments, program, entry, device, int64_t(arguments.tokens.size()) + steps);
  TokenRun run;
  auto timed = [&](std::vector<double> &seconds, const std::vector<int32_t> &tokens) {
    auto start = std::chrono::steady_clock::now();
    text.append(tokens);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  };
  for (int i = 0; i != arguments.repeat; ++i) {
    text.start();
    run.likely.clear();
    timed(run.promptSeconds, arguments.tokens);
    for (int64_t step = 0; step != steps; ++step) {
      run.likely.push_back(text.likeliest());
      timed(run.stepSeconds, {feed.empty() ? run.likely.back() : feed[size_t(step)]});
    }
    run.likely.push_back(text.likeliest());
  }
  run.rows = std::move(text.rows);
  run.vocabulary = text.vocabulary;
  return run;
}

void runTokens(const RunArguments &arguments, const Program &program, size_t entry, const Device &device) {
  if (!arguments.inputs.files.empty() || arguments.inputs.random || !arguments.outputs.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         arguments.model + ": a language model, so use --tokens, not --input or --output");
  if (arguments.tokens.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.model + ": a language model needs --tokens");
  TokenRun run = generateTokens(arguments, program, entry, device);
  if (arguments.repeat > 1) {
    reportTimes("prompt", run.promptSeconds);
    reportTimes("step", run.stepSeconds);
  }
  for (size_t i = 0; i != run.likely.size(); ++i)
    std::cout << (i ? "," : "") << run.likely[i];
  std::cout << "\n";
  if (arguments.logits.empty())
    return;
  Array array = {LATHE_F32, {int64_t(run.rows.size()) / run.vocabulary, run.vocabulary}, {}};
  array.bytes.resize(run.rows.size() * sizeof(float));
  std::memcpy(array.bytes.data(), run.rows.data(), array.bytes.size());
  writeNpy(arguments.logits, array);
}

} // namespace lathe::tools
