#include "runtime/session/Embedding.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cmath>

namespace lathe::runtime {

namespace {

const Symbol &symbolOf(const Entry &entry, const Value *value) { return entry.symbols[size_t(value->symbols[0])]; }

int64_t widthOf(const Entry &entry) { return entry.output("hidden_states")->sizes[1]; }

lathe_pooling poolingOf(const Entry &entry, const lathe_embed_options &options) {
  return options.pooling == LATHE_POOLING_MODEL ? entry.pooling : options.pooling;
}

void checkRoom(const float *target, size_t bytes, const char *what, uint64_t rows, int64_t width) {
  uint64_t needed = rows * uint64_t(width) * sizeof(float);
  if (target && bytes < needed)
    throw Failure(LATHE_INVALID_ARGUMENT, what, "_bytes is ", bytes, " but ", rows, " rows of ", width, " take ",
                  needed);
}

/// One text's embedding of its hidden states [count, width]. Sums run over the tokens in order, in f64.
void pool(lathe_pooling pooling, const float *hidden, int64_t count, int64_t width, float *embedding) {
  if (pooling != LATHE_POOLING_MEAN) {
    const float *row = hidden + (pooling == LATHE_POOLING_LAST ? count - 1 : 0) * width;
    std::copy(row, row + width, embedding);
    return;
  }
  for (int64_t i = 0; i != width; ++i) {
    double sum = 0;
    for (int64_t row = 0; row != count; ++row)
      sum += double(hidden[row * width + i]);
    embedding[i] = float(sum / double(count));
  }
}

void normalize(float *embedding, int64_t width) {
  double squares = 0;
  for (int64_t i = 0; i != width; ++i)
    squares += double(embedding[i]) * double(embedding[i]);
  if (squares == 0)
    return;
  for (int64_t i = 0; i != width; ++i)
    embedding[i] = float(double(embedding[i]) / std::sqrt(squares));
}

lathe_tensor makeTensor(const Value &value, void *data, size_t elements) {
  lathe_tensor tensor = {};
  tensor.name = value.name.c_str();
  tensor.data = data;
  tensor.bytes = elements * 4;
  tensor.type = value.type;
  tensor.rank = value.sizes.size();
  tensor.shape[0] = int64_t(elements);
  if (tensor.rank == 2) {
    tensor.shape[1] = value.sizes[1];
    tensor.shape[0] /= value.sizes[1];
  }
  return tensor;
}

} // namespace

void checkEmbedding(const Entry &entry, const lathe_embed_options &options) {
  if (options.text_count == 0 || !options.token_counts || !options.tokens)
    throw Failure(LATHE_INVALID_ARGUMENT, "a call needs texts, their token_counts and tokens");
  const Symbol &tokens = symbolOf(entry, entry.input("tokens"));
  int64_t texts = symbolOf(entry, entry.input("row_offsets")).max - 1;
  if (options.text_count > size_t(texts))
    throw Failure(LATHE_INVALID_ARGUMENT, "text_count is ", options.text_count,
                  " but the model was compiled for at most ", texts, "; split the batch");
  uint64_t total = 0;
  for (size_t i = 0; i != options.text_count; ++i) {
    if (options.token_counts[i] < 1 || options.token_counts[i] > entry.maxTokens)
      throw Failure(LATHE_INVALID_ARGUMENT, "token_counts[", i, "] is ", options.token_counts[i],
                    " but a text has 1 to ", entry.maxTokens, " tokens");
    total += uint64_t(options.token_counts[i]);
  }
  if (total > uint64_t(tokens.max))
    throw Failure(LATHE_INVALID_ARGUMENT, "the texts have ", total, " tokens but the model was compiled for at most ",
                  tokens.max, "; split the batch");
  if (options.pooling < LATHE_POOLING_MODEL || options.pooling > LATHE_POOLING_LAST)
    throw Failure(LATHE_INVALID_ARGUMENT, "pooling is ", int(options.pooling), " but must be one of lathe_pooling");
  if (options.embeddings && poolingOf(entry, options) == LATHE_POOLING_MODEL)
    throw Failure(LATHE_UNSUPPORTED, "the model does not say how texts are pooled; choose mean, cls or last");
  checkRoom(options.embeddings, options.embeddings_bytes, "embeddings", options.text_count, widthOf(entry));
  checkRoom(options.hidden_states, options.hidden_states_bytes, "hidden_states", total, widthOf(entry));
}

lathe_run_options EmbedCall::fill(const Entry &entry, const lathe_embed_options &options) {
  const Value &tokenValue = *entry.input("tokens"), &positionValue = *entry.input("positions");
  const Value &offsetValue = *entry.input("row_offsets");
  positions.clear();
  rowOffsets.assign(1, 0);
  for (size_t i = 0; i != options.text_count; ++i) {
    for (int32_t position = 0; position != options.token_counts[i]; ++position)
      positions.push_back(position);
    rowOffsets.push_back(int32_t(positions.size()));
  }
  tokens.assign(options.tokens, options.tokens + positions.size());
  // Where the model wants more: rows of no text, and texts without rows.
  size_t count = std::max(tokens.size(), size_t(symbolOf(entry, &tokenValue).min));
  tokens.resize(count, 0);
  positions.resize(count, 0);
  rowOffsets.resize(std::max(rowOffsets.size(), size_t(symbolOf(entry, &offsetValue).min)), rowOffsets.back());
  hidden.resize(count * size_t(widthOf(entry)));

  inputs[0] = makeTensor(tokenValue, tokens.data(), count);
  inputs[1] = makeTensor(positionValue, positions.data(), count);
  inputs[2] = makeTensor(offsetValue, rowOffsets.data(), rowOffsets.size());
  output = makeTensor(*entry.output("hidden_states"), hidden.data(), hidden.size());
  lathe_run_options run = {};
  run.struct_size = sizeof(run);
  run.inputs = inputs;
  run.input_count = std::size(inputs);
  run.outputs = &output;
  run.output_count = 1;
  return run;
}

void EmbedCall::deliver(const Entry &entry, const lathe_embed_options &options) const {
  int64_t width = widthOf(entry);
  for (size_t i = 0; options.embeddings && i != options.text_count; ++i) {
    float *embedding = options.embeddings + int64_t(i) * width;
    pool(poolingOf(entry, options), hidden.data() + rowOffsets[i] * width, options.token_counts[i], width, embedding);
    if (options.normalize)
      normalize(embedding, width);
  }
  if (options.hidden_states)
    std::copy_n(hidden.data(), rowOffsets[options.text_count] * width, options.hidden_states);
}

} // namespace lathe::runtime
