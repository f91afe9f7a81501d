#include "tools/lathe/TokenBatch.h"

#include <algorithm>
#include <limits>

namespace lathe::tools {

namespace {

/// Logits that one step gives at most, in bytes: vocabularies are large.
constexpr int64_t LogitsBytes = 64 << 20;

const lathe_symbol_info *findSymbol(const Model &model, const char *name) {
  for (size_t i = 0; const lathe_symbol_info *symbol = lathe_program_symbol(model.program.get(), model.entry, i); ++i)
    if (name && std::string(symbol->name) == name)
      return symbol;
  return nullptr;
}

/// Greatest size of this dimension of the inputs with this role: of several the smallest.
int64_t greatest(const Model &model, const std::string &role, size_t dimension) {
  int64_t size = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; const lathe_value_info *value = lathe_program_input(model.program.get(), model.entry, i); ++i) {
    if (value->role != role)
      continue;
    const lathe_symbol_info *symbol = findSymbol(model, value->symbols[dimension]);
    size = std::min(size, symbol ? symbol->max : value->shape[dimension]);
  }
  return size;
}

} // namespace

TokenLimits::TokenLimits(const Model &model)
    : tokens(greatest(model, "tokens", 0)), sequences(greatest(model, "lengths", 0)), rows(greatest(model, "rows", 0)),
      length(std::numeric_limits<int64_t>::max()),
      vocabulary(lathe_program_output(model.program.get(), model.entry, 0)->shape[1]) {
  int64_t pages = greatest(model, "block_tables", 1);
  for (size_t i = 0; const lathe_state_info *state = lathe_program_state(model.program.get(), model.entry, i); ++i)
    if (state->kind == LATHE_STATE_PAGED && state->page_tokens)
      length = std::min(length, pages > length / state->page_tokens ? length : pages * state->page_tokens);
}

/// What one call of lathe_session_step is given.
struct TokenBatch::Step {
  std::vector<lathe_sequence *> sequences;
  std::vector<int32_t> counts, tokens, rows;
  struct Wanted {
    size_t text, index;
  };
  std::vector<Wanted> wanted; ///< what `rows` are rows of
};

TokenBatch::TokenBatch(const Model &model, size_t texts, int64_t length, int64_t chunk)
    : entry(model.info().name), limits(model), sequences(texts) {
  if (int64_t(texts) > limits.sequences)
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         std::to_string(texts) + " texts at one time were asked for, but the model was compiled for " +
                             std::to_string(limits.sequences) + "; compile it with --dim sequences=1.." +
                             std::to_string(texts));
  if (length > limits.length)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "a text of " + std::to_string(length) +
                                                     " tokens was asked for, but the model was compiled for " +
                                                     std::to_string(limits.length) +
                                                     "; ask for less, or compile it with a greater --dim pages");
  limits.rows = std::max<int64_t>(1, std::min(limits.rows, LogitsBytes / (limits.vocabulary * int64_t(sizeof(float)))));
  if (chunk)
    limits.tokens = std::min(limits.tokens, chunk);
  lathe_session_options options = {};
  options.struct_size = sizeof(options);
  options.max_sequences = int32_t(texts);
  for (size_t i = 0; const lathe_state_info *state = lathe_program_state(model.program.get(), model.entry, i); ++i)
    if (state->kind == LATHE_STATE_PAGED)
      options.kv_cache_bytes +=
          texts * uint64_t(state->page_bytes * ((length + state->page_tokens - 1) / state->page_tokens));
  session = createSession(model, &options);
  clear();
}

void TokenBatch::clear() {
  for (Sequence &sequence : sequences)
    sequence.reset();
  for (Sequence &sequence : sequences) {
    lathe_sequence *created = nullptr;
    check(lathe_sequence_create(session.get(), &created));
    sequence.reset(created);
  }
}

/// Takes from the parts, one after the other, what fits into a step. `done` says how much of each has been taken.
TokenBatch::Step TokenBatch::plan(const std::vector<Part> &parts, std::vector<size_t> &done) const {
  Step step;
  size_t tokens = size_t(limits.tokens), rows = size_t(limits.rows);
  for (size_t text = 0; text != parts.size() && tokens; ++text) {
    const Part &part = parts[text];
    size_t begin = done[text], firstRow = std::max(part.firstRow, begin);
    size_t end = std::min({part.count, begin + tokens, firstRow + rows});
    if (end == begin)
      continue;
    step.sequences.push_back(sequences[text].get());
    step.counts.push_back(int32_t(end - begin));
    for (size_t index = begin; index != end; ++index) {
      if (index >= firstRow) {
        step.rows.push_back(int32_t(step.tokens.size()));
        step.wanted.push_back({text, index});
        --rows;
      }
      step.tokens.push_back(part.tokens[index]);
    }
    tokens -= end - begin;
    done[text] = end;
  }
  return step;
}

void TokenBatch::run(Step &step) {
  static constexpr int32_t NoRow = 0; // to ask for none, where NULL would ask for each sequence's last
  logits.resize(step.rows.size() * size_t(limits.vocabulary));
  lathe_step_options options = {};
  options.struct_size = sizeof(options);
  options.entry = entry;
  options.sequence_count = step.sequences.size();
  options.sequences = step.sequences.data();
  options.token_counts = step.counts.data();
  options.tokens = step.tokens.data();
  options.rows = step.rows.empty() ? &NoRow : step.rows.data();
  options.row_count = step.rows.size();
  options.logits = logits.empty() ? nullptr : logits.data();
  options.logits_bytes = logits.size() * sizeof(float);
  check(lathe_session_step(session.get(), &options));
}

void TokenBatch::append(const std::vector<Part> &parts, const TakeRow &take) {
  std::vector<size_t> done(parts.size());
  for (Step step = plan(parts, done); !step.tokens.empty(); step = plan(parts, done)) {
    run(step);
    for (size_t i = 0; i != step.wanted.size(); ++i)
      take(step.wanted[i].text, step.wanted[i].index, logits.data() + i * size_t(limits.vocabulary));
  }
}

} // namespace lathe::tools
