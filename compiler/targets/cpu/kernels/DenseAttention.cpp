// attention and ragged_attention: softmax(scale * query key^T + mask) * value, blocks of keys in order, so that scores
// never leave the cache.
//
// A tile is up to QueryRows queries of one head. For each block of keys: scores by a product, their softmax relative to
// the largest score so far, and a product with the values, added to what earlier blocks gave. Blocks begin at multiples
// of KeyRows whatever the batch, so a query gives the same bits alone and in any batch.
#include "compiler/targets/cpu/kernels/Products.h"
#include "compiler/targets/cpu/kernels/Sequences.h"

using namespace lathe::cpu;

namespace {

constexpr int64_t QueryRows = 64, KeyRows = 128, MaxWidth = 512;

/// Where the rows of an operand lie, in bytes; the mask's in elements, 0 where it repeats.
struct HeadSteps {
  int64_t batch, head, token;

  LATHE_INLINE int64_t locate(int64_t b, int64_t h, int64_t t) const { return b * batch + h * head + t * token; }
};

/// Scratch memory of a tile. `scores` has the row length of a product's left operand, which it becomes.
struct AttentionScratch {
  alignas(64) float queries[QueryRows * RowFloats];
  alignas(64) float scores[QueryRows * RowFloats];
  alignas(64) float panels[KeyRows * Depth];
  alignas(64) float results[QueryRows * MaxWidth];
  float largest[QueryRows], sums[QueryRows];
};

/// A mask over the scores of a tile: where its first row has that of the first key, and steps in elements, 0 where it
/// repeats. `data` is null where there is none.
struct TileMask {
  const void *data;
  int64_t place, queryStep, keyStep;
  Unpack unpack;

  /// scores = scores * scale + mask, of row r and `count` keys from `first` on.
  LATHE_INLINE void add(float *scores, int64_t r, int64_t first, int64_t count, float scale) const {
    for (int64_t i = 0; i < count; ++i)
      scores[i] *= scale;
    if (!data)
      return;
    alignas(64) float values[KeyRows];
    unpack(data, place + r * queryStep + first * keyStep, keyStep ? count : 1, values);
    for (int64_t i = 0; i < count; ++i)
      scores[i] += values[keyStep ? i : 0];
  }
};

/// One head of keys and values, and the queries of a tile.
struct HeadTile {
  AttentionScratch &scratch;
  RightMatrix keys, values;
  int64_t rows, keyWidth, valueWidth;

  /// scores[r][s] = query r . key first + s.
  LATHE_INLINE void score(const char *queries, int64_t queryStep, Unpack unpack, int64_t first, int64_t count) {
    int64_t run = getRunLength(keyWidth), panels = (count + Lanes - 1) / Lanes;
    for (int64_t i = 0; i < larger(keyWidth, 1); i += run) {
      int64_t steps = smaller(run, keyWidth - i);
      for (int64_t r = 0; r < rows; ++r)
        unpack(queries + r * queryStep, i, steps, scratch.queries + r * RowFloats);
      for (int64_t p = 0; p < panels; ++p)
        keys.packColumns(i, steps, first + p * Lanes, smaller(Lanes, count - p * Lanes),
                         scratch.panels + p * steps * Lanes);
      Block block{scratch.queries, scratch.panels, steps * Lanes, steps, scratch.scores, RowFloats, i > 0};
      lathe_multiply_block(&block, rows, panels);
    }
  }

  /// Scores of row r become weights, of which those from `seen` on are 0, and what the row has so far shrinks to the
  /// new largest score.
  LATHE_INLINE void weigh(int64_t r, int64_t count, int64_t seen) {
    float *scores = scratch.scores + r * RowFloats;
    float before = scratch.largest[r];
    int64_t padded = (count + Lanes - 1) / Lanes * Lanes;
    for (int64_t i = larger(smaller(seen, count), 0); i < padded; ++i)
      scores[i] = -__builtin_inff();
    Vector lanes = broadcast(before);
    for (int64_t i = 0; i < padded; i += Lanes) {
      Vector x = loadVector(scores + i);
      lanes = x > lanes ? x : lanes;
    }
    float largest = maxLanes(lanes);
    // Without a key in sight the largest is -infinity; any other origin gives weights of 0.
    float origin = largest == -__builtin_inff() ? 0.0f : largest, shrink = exponential(before - origin);
    for (int64_t i = 0; i < padded; ++i)
      scores[i] = exponential(scores[i] - origin);
    Vector sums = {};
    for (int64_t i = 0; i < padded; i += Lanes)
      sums += loadVector(scores + i);
    scratch.largest[r] = largest;
    scratch.sums[r] = scratch.sums[r] * shrink + sumLanes(sums);
    float *results = scratch.results + r * MaxWidth;
    for (int64_t i = 0; i < valueWidth; i += Lanes)
      storeVector(results + i, loadVector(results + i) * shrink);
  }

  /// results[r] += sum_s scores[r][s] * value first + s.
  LATHE_INLINE void addValues(int64_t first, int64_t count) {
    for (int64_t column = 0; column < valueWidth; column += Depth) {
      int64_t columns = smaller(Depth, valueWidth - column), panels = (columns + Lanes - 1) / Lanes;
      for (int64_t p = 0; p < panels; ++p)
        values.packRows(first, count, column + p * Lanes, smaller(Lanes, columns - p * Lanes),
                        scratch.panels + p * count * Lanes);
      Block block{scratch.scores, scratch.panels, count * Lanes, count, scratch.results + column, MaxWidth, true};
      lathe_multiply_block(&block, rows, panels);
    }
  }

  /// Results of all rows, of which row r sees the first `seen` keys of `count`, or with `causal` the first `seen + r`.
  LATHE_INLINE void attend(const char *queries, int64_t queryStep, Unpack unpack, int64_t count, int64_t seen,
                           bool causal, float scale, const TileMask &mask) {
    for (int64_t r = 0; r < rows; ++r) {
      scratch.largest[r] = -__builtin_inff();
      scratch.sums[r] = 0.0f;
      for (int64_t i = 0; i < valueWidth; i += Lanes)
        storeVector(scratch.results + r * MaxWidth + i, Vector{});
    }
    // The last row sees most.
    int64_t last = smaller(causal ? seen + rows - 1 : seen, count);
    for (int64_t first = 0; first < last; first += KeyRows) {
      int64_t steps = smaller(KeyRows, count - first);
      score(queries, queryStep, unpack, first, steps);
      for (int64_t r = 0; r < rows; ++r) {
        mask.add(scratch.scores + r * RowFloats, r, first, steps, scale);
        weigh(r, steps, causal ? seen + r - first : steps);
      }
      addValues(first, steps);
    }
    for (int64_t r = 0; r < rows; ++r) {
      float *results = scratch.results + r * MaxWidth, sum = scratch.sums[r], inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
      for (int64_t i = 0; i < valueWidth; i += Lanes)
        storeVector(results + i, loadVector(results + i) * inverse);
    }
  }
};

} // namespace

/// Steps are batch, head, token of query, key, value; then batch, head, query, key of the mask, in elements. With
/// `tokensFirst` the result is [B, T, H, D], else [B, H, T, D].
LATHE_TEMPLATE void lathe_attention(const void *query, const void *key, const void *value, const void *mask,
                                    const int64_t *steps, int64_t heads, int64_t keyHeads, int64_t queries,
                                    int64_t keys, int64_t keyWidth, int64_t valueWidth, float scale, bool causal,
                                    bool tokensFirst, Unpack unpack, Unpack unpackMask, Store store,
                                    const Launch *launch, int64_t begin, int64_t end) {
  AttentionScratch scratch;
  HeadSteps querySteps{steps[0], steps[1], steps[2]}, keySteps{steps[3], steps[4], steps[5]};
  HeadSteps valueSteps{steps[6], steps[7], steps[8]}, maskSteps{steps[9], steps[10], steps[11]};
  int64_t blocks = (queries + QueryRows - 1) / QueryRows, group = heads / keyHeads;
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t block = tile % blocks, head = tile / blocks % heads, batch = tile / blocks / heads;
    int64_t query0 = block * QueryRows, rows = smaller(QueryRows, queries - query0);
    const char *queryRows = static_cast<const char *>(query) + querySteps.locate(batch, head, query0);
    HeadTile state{
        scratch,
        {static_cast<const char *>(key) + keySteps.locate(batch, head / group, 0), keySteps.token, unpack},
        {static_cast<const char *>(value) + valueSteps.locate(batch, head / group, 0), valueSteps.token, unpack},
        rows,
        keyWidth,
        valueWidth};
    // Query t sees keys [0, t + shift).
    int64_t shift = causal ? keys - queries + 1 : keys;
    TileMask tileMask{mask, maskSteps.locate(batch, head, query0), maskSteps.token, steps[12], unpackMask};
    state.attend(queryRows, querySteps.token, unpack, keys, causal ? query0 + shift : keys, causal, scale, tileMask);
    for (int64_t r = 0; r < rows; ++r) {
      int64_t row =
          tokensFirst ? (batch * queries + query0 + r) * heads + head : (batch * heads + head) * queries + query0 + r;
      store(launch, scratch.results + r * MaxWidth, row * valueWidth, valueWidth);
    }
  }
}

/// Attention within each text of a ragged batch, over rows [T, H, D]. A tile is up to QueryRows rows of one head; where
/// they belong to several texts each has its part of the tile.
LATHE_TEMPLATE void lathe_ragged_attention(const void *query, const void *key, const void *value,
                                           const int32_t *rowOffsets, int64_t texts, int64_t tokens, int64_t heads,
                                           int64_t keyHeads, int64_t keyWidth, int64_t valueWidth, int64_t keyBytes,
                                           int64_t valueBytes, float scale, bool causal, Unpack unpack, Store store,
                                           const Launch *launch, int64_t begin, int64_t end) {
  AttentionScratch scratch;
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t head = tile % heads, keyHead = head / (heads / keyHeads);
    int64_t row = tile / heads * QueryRows, last = smaller(row + QueryRows, tokens);
    while (row < last) {
      int64_t text = findSequence(rowOffsets, texts, row);
      // Rows of no text are behind all texts.
      int64_t first = text < 0 ? row : rowOffsets[text], next = text < 0 ? last : rowOffsets[text + 1];
      int64_t rows = smaller(last, next) - row, keys = text < 0 ? 0 : next - first;
      HeadTile state{
          scratch,
          {static_cast<const char *>(key) + (first * keyHeads + keyHead) * keyBytes, keyHeads * keyBytes, unpack},
          {static_cast<const char *>(value) + (first * keyHeads + keyHead) * valueBytes, keyHeads * valueBytes, unpack},
          rows,
          keyWidth,
          valueWidth};
      state.attend(static_cast<const char *>(query) + (row * heads + head) * keyBytes, heads * keyBytes, unpack, keys,
                   causal ? row - first + 1 : keys, causal, scale, TileMask{nullptr, 0, 0, 0, unpack});
      for (int64_t r = 0; r < rows; ++r)
        store(launch, scratch.results + r * MaxWidth, ((row + r) * heads + head) * valueWidth, valueWidth);
      row += rows;
    }
  }
}
