#ifndef LATHE_TEST_RUNTIME_TOYREFERENCE_H
#define LATHE_TEST_RUNTIME_TOYREFERENCE_H

#include "test/runtime/TestArtifact.h"

#include <vector>

namespace lathe::test {

/// Logits of the toy model (images/ToyModel.h) for the last token of a text, computed from the text alone.
inline std::vector<float> toyLogits(const std::vector<int32_t> &text) {
  const float head[] = {1, -1, 0.5, 2, 0, 3, -2, 0.25};
  float sum = 0;
  for (size_t i = 0; i != text.size(); ++i)
    sum += float(1 + i % 3) * (float(text[i]) + float(i) * 0.25f);
  std::vector<float> logits;
  for (float weight : head)
    logits.push_back(weight * sum);
  return logits;
}

/// The arguments of one step, kept alive together.
struct Step {
  std::vector<lathe_sequence *> sequences;
  std::vector<int32_t> counts, tokens, positions, rows;
  bool chosenRows = false; ///< pass `rows`, else ask for each sequence's last
  std::vector<float> logits;

  void add(const Sequence &sequence, const std::vector<int32_t> &text) {
    sequences.push_back(sequence.get());
    counts.push_back(int32_t(text.size()));
    tokens.insert(tokens.end(), text.begin(), text.end());
  }

  lathe_step_options options() {
    logits.assign((chosenRows ? rows.size() : sequences.size()) * 8, -1e30f);
    lathe_step_options result = {};
    result.struct_size = sizeof(result);
    result.sequence_count = sequences.size();
    result.sequences = sequences.data();
    result.token_counts = counts.data();
    result.tokens = tokens.data();
    result.positions = positions.empty() ? nullptr : positions.data();
    static const int32_t None = 0;
    result.rows = chosenRows ? (rows.empty() ? &None : rows.data()) : nullptr;
    result.row_count = rows.size();
    result.logits = logits.empty() ? nullptr : logits.data();
    result.logits_bytes = logits.size() * sizeof(float);
    return result;
  }

  Outcome run(const Session &session) {
    lathe_step_options read = options();
    return outcome(lathe_session_step(session.get(), &read));
  }

  std::vector<float> row(size_t index) const {
    return {logits.begin() + int64_t(index) * 8, logits.begin() + int64_t(index + 1) * 8};
  }
};

/// One step of one sequence; its last token's logits. Throws the message of a failure.
inline std::vector<float> advance(const Session &session, const Sequence &sequence, const std::vector<int32_t> &text) {
  Step step;
  step.add(sequence, text);
  lathe_step_options read = step.options();
  succeed(lathe_session_step(session.get(), &read));
  return step.row(0);
}

/// `count` tokens that differ from place to place, from 0 to 6.
inline std::vector<int32_t> someText(size_t count, int32_t seed = 0) {
  std::vector<int32_t> text;
  for (size_t i = 0; i != count; ++i)
    text.push_back(int32_t((i * i + 3 * i + size_t(seed)) % 7));
  return text;
}

} // namespace lathe::test

#endif // LATHE_TEST_RUNTIME_TOYREFERENCE_H
