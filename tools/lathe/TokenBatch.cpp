#include "tools/lathe/TokenBatch.h"

#include <algorithm>

namespace lathe::tools {

namespace {

/// Logits that one step gives at most, in bytes: vocabularies are large.
constexpr int64_t LogitsBytes = 64 << 20;

} // namespace

static bool givesSampledTokens(const Model &model) {
  for (size_t i = 0; const lathe_value_info *value = lathe_program_output(model.program.get(), model.entry, i); ++i)
    if (value->role == std::string("sampled_tokens"))
      return true;
  return false;
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
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         "a text of " + std::to_string(length) +
                             " tokens was asked for, but the model was compiled for " + std::to_string(limits.length) +
                             "; ask for less, or compile it with --context=" + std::to_string(length));
  logitRows = std::max<int64_t>(1, std::min(limits.rows, LogitsBytes / (limits.vocabulary * int64_t(sizeof(float)))));
  choosesOnDevice = givesSampledTokens(model);
  if (chunk)
    limits.tokens = std::min(limits.tokens, chunk);
  lathe_session_options options = {};
  options.struct_size = sizeof(options);
  options.max_sequences = int32_t(texts);
  options.max_text_tokens = length;
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

void TokenBatch::truncate(int64_t length) {
  for (Sequence &sequence : sequences)
    check(lathe_sequence_truncate(sequence.get(), length));
}

/// Takes from the parts, one after the other, what fits into a step. `done` says how much of each has been taken.
TokenBatch::Step TokenBatch::plan(const std::vector<Part> &parts, std::vector<size_t> &done, int64_t mostRows) const {
  Step step;
  size_t tokens = size_t(limits.tokens), rows = size_t(mostRows);
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

void TokenBatch::run(Step &step, float *rows) {
  static constexpr int32_t NoRow = 0; // to ask for none, where NULL would ask for each sequence's last
  likeliest.resize(rows ? 0 : step.rows.size());
  lathe_step_options options = {};
  options.struct_size = sizeof(options);
  options.entry = entry;
  options.sequence_count = step.sequences.size();
  options.sequences = step.sequences.data();
  options.token_counts = step.counts.data();
  options.tokens = step.tokens.data();
  options.rows = step.rows.empty() ? &NoRow : step.rows.data();
  options.row_count = step.rows.size();
  options.logits = step.rows.empty() ? nullptr : rows;
  options.logits_bytes = rows ? step.rows.size() * size_t(limits.vocabulary) * sizeof(float) : 0;
  options.sampled_tokens = likeliest.empty() ? nullptr : likeliest.data();
  check(lathe_session_step(session.get(), &options));
}

void TokenBatch::append(const std::vector<Part> &parts, const TakeRow &take) {
  std::vector<size_t> done(parts.size());
  for (Step step = plan(parts, done, logitRows); !step.tokens.empty(); step = plan(parts, done, logitRows)) {
    logits.resize(std::max(logits.size(), step.rows.size() * size_t(limits.vocabulary)));
    run(step, logits.data());
    for (size_t i = 0; i != step.wanted.size(); ++i)
      take(step.wanted[i].text, step.wanted[i].index, logits.data() + i * size_t(limits.vocabulary));
  }
}

void TokenBatch::append(const Part &part, float *rows) {
  std::vector<size_t> done(1);
  for (Step step = plan({part}, done, logitRows); !step.tokens.empty(); step = plan({part}, done, logitRows)) {
    run(step, rows);
    rows += step.rows.size() * size_t(limits.vocabulary);
  }
}

void TokenBatch::appendLikeliest(std::vector<Part> parts, const TakeToken &take) {
  for (Part &part : parts)
    part.firstRow = part.count ? part.count - 1 : 0;
  if (!choosesOnDevice)
    return append(parts, [&](size_t text, size_t, const float *row) {
      take(text, int32_t(std::max_element(row, row + limits.vocabulary) - row));
    });
  std::vector<size_t> done(parts.size());
  for (Step step = plan(parts, done, limits.rows); !step.tokens.empty(); step = plan(parts, done, limits.rows)) {
    run(step, nullptr);
    for (size_t i = 0; i != step.wanted.size(); ++i)
      take(step.wanted[i].text, likeliest[i]);
  }
}

} // namespace lathe::tools
