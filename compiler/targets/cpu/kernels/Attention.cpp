// Operations of language models over a ragged batch: rope, append_kv, paged_attention.
#include "compiler/targets/cpu/kernels/Math.h"
#include "compiler/targets/cpu/kernels/Sequences.h"

using namespace lathe::cpu;

namespace {

constexpr int64_t PageTokens = 16;

/// Where the keys and values of one layer lie in a pool of pages: for each head [16, width], keys before values.
struct PagedLayer {
  char *pool;
  int64_t pageBytes, layerOffset, heads, keyBytes, valueBytes; ///< the last two of one head and token

  LATHE_INLINE char *keys(int64_t page, int64_t head, int64_t place) const {
    return pool + page * pageBytes + layerOffset + (head * PageTokens + place) * keyBytes;
  }
  LATHE_INLINE char *values(int64_t page, int64_t head, int64_t place) const {
    return pool + page * pageBytes + layerOffset + heads * PageTokens * keyBytes +
           (head * PageTokens + place) * valueBytes;
  }
};

LATHE_INLINE PagedLayer makeLayer(void *pool, int64_t layers, int64_t layer, int64_t heads, int64_t keyBytes,
                                  int64_t valueBytes) {
  int64_t layerBytes = heads * (keyBytes + valueBytes) * PageTokens;
  return {static_cast<char *>(pool), layers * layerBytes, layer * layerBytes, heads, keyBytes, valueBytes};
}

/// cos and sin of an angle given in f64: reduced to one turn there, since f32 has too few bits for late positions.
LATHE_INLINE void turn(const Launch *launch, double angle, float &cosine, float &sine) {
  constexpr double Turn = 6.283185307179586, Shift = 6755399441055744.0; // 1.5 * 2^52: adding it rounds to an integer
  double turns = (angle * (1 / Turn) + Shift) - Shift;
  float rest = static_cast<float>(__builtin_elementwise_fma(turns, -Turn, angle));
  cosine = launch->call->api->math->cosf(rest);
  sine = launch->call->api->math->sinf(rest);
}

} // namespace

/// Rotates pairs of each head of [T, H, D]. `frequencies` holds base^(-2 i / dimensions) for each pair. A tile is one
/// token.
LATHE_TEMPLATE void lathe_rope(const void *input, const int32_t *positions, const float *factors,
                               const double *frequencies, int64_t positionsPerToken, int64_t heads, int64_t width,
                               int64_t dimensions, float magnitude, bool adjacent, int64_t headBytes, Unpack unpack,
                               Store store, const Launch *launch, int64_t begin, int64_t end) {
  constexpr int64_t Pairs = Chunk / 2;
  alignas(64) float cosines[Pairs], sines[Pairs], first[Pairs], second[Pairs], values[Chunk];
  int64_t pairs = dimensions / 2;
  for (int64_t token = begin; token < end; ++token)
    for (int64_t start = 0; start < pairs; start += Pairs) {
      int64_t count = smaller(Pairs, pairs - start);
      for (int64_t i = 0; i < count; ++i) {
        double angle = positions[token * positionsPerToken] * frequencies[start + i];
        turn(launch, factors ? angle / factors[start + i] : angle, cosines[i], sines[i]);
        cosines[i] *= magnitude;
        sines[i] *= magnitude;
      }
      for (int64_t head = token * heads; head < (token + 1) * heads; ++head) {
        const char *row = static_cast<const char *>(input) + head * headBytes;
        int64_t base = head * width;
        if (adjacent) {
          unpack(row, 2 * start, 2 * count, values);
          for (int64_t i = 0; i < count; ++i) {
            float a = values[2 * i], b = values[2 * i + 1];
            values[2 * i] = a * cosines[i] - b * sines[i];
            values[2 * i + 1] = a * sines[i] + b * cosines[i];
          }
          store(launch, values, base + 2 * start, 2 * count);
        } else {
          unpack(row, start, count, first);
          unpack(row, start + pairs, count, second);
          for (int64_t i = 0; i < count; ++i) {
            float a = first[i], b = second[i];
            first[i] = a * cosines[i] - b * sines[i];
            second[i] = a * sines[i] + b * cosines[i];
          }
          store(launch, first, base + start, count);
          store(launch, second, base + start + pairs, count);
        }
        if (start == 0)
          for (int64_t rest = dimensions; rest < width; rest += Chunk) {
            int64_t length = smaller(Chunk, width - rest);
            unpack(row, rest, length, values);
            store(launch, values, base + rest, length);
          }
      }
    }
}

/// Writes row t of key and value [T, H, ...] to slot slots[t] of one layer. A tile is one token.
LATHE_TEMPLATE void lathe_append_kv(const void *key, const void *value, void *pool, const int32_t *slots,
                                    int64_t layers, int64_t layer, int64_t heads, int64_t keyWidth, int64_t valueWidth,
                                    int64_t keyBytes, int64_t valueBytes, int64_t storedKeyBytes,
                                    int64_t storedValueBytes, Unpack unpackKey, Unpack unpackValue, Pack pack,
                                    int64_t begin, int64_t end) {
  PagedLayer pages = makeLayer(pool, layers, layer, heads, storedKeyBytes, storedValueBytes);
  alignas(64) float values[Chunk];
  for (int64_t token = begin; token < end; ++token) {
    int64_t slot = slots[token];
    if (slot < 0)
      continue;
    int64_t page = slot / PageTokens, place = slot % PageTokens;
    for (int64_t head = 0; head < heads; ++head) {
      const char *keyRow = static_cast<const char *>(key) + (token * heads + head) * keyBytes;
      for (int64_t first = 0; first < keyWidth; first += Chunk) {
        int64_t count = smaller(Chunk, keyWidth - first);
        unpackKey(keyRow, first, count, values);
        pack(pages.keys(page, head, place), first, count, values);
      }
      const char *valueRow = static_cast<const char *>(value) + (token * heads + head) * valueBytes;
      for (int64_t first = 0; first < valueWidth; first += Chunk) {
        int64_t count = smaller(Chunk, valueWidth - first);
        unpackValue(valueRow, first, count, values);
        pack(pages.values(page, head, place), first, count, values);
      }
    }
  }
}

namespace {

/// Query heads that share one pass over a sequence's pages, and the longest head.
constexpr int64_t Group = 4, MaxWidth = 640;

/// Floats from one token of a page to the next in scratch memory: a length whose multiples are spread over the cache's
/// sets.
LATHE_INLINE int64_t getTokenStep(int64_t width) { return (width + Lanes - 1) / Lanes * Lanes + Lanes; }
constexpr int64_t MaxTokenStep = MaxWidth + Lanes;

/// Softmax over the tokens seen so far of one query head: their largest score, and sums scaled to it.
struct HeadState {
  alignas(64) float query[MaxWidth], result[MaxWidth];
  float largest, sum;

  /// Takes in `count` tokens of a page. Pages are the steps of the sum: where they start depends on positions alone.
  /// A cap above 0 limits the scores.
  LATHE_INLINE void addPage(const float *keys, const float *values, int64_t first, int64_t count, int64_t keyWidth,
                            int64_t valueWidth, float scale, float cap) {
    static_assert(PageTokens == Lanes, "a vector holds a number for each token of a page");
    alignas(64) float weights[PageTokens];
    storeVector(weights, broadcast(-__builtin_inff())); // tokens that do not count weigh nothing
    int64_t keyStep = getTokenStep(keyWidth), valueStep = getTokenStep(valueWidth);
    for (int64_t j = first; j < count; ++j) {
      Vector products = {};
      for (int64_t i = 0; i < keyWidth; i += Lanes)
        products = multiplyAdd(loadVector(query + i), loadVector(keys + j * keyStep + i), products);
      weights[j] = sumLanes(products) * scale;
      if (cap > 0)
        weights[j] = cap * hyperbolicTangent(weights[j] / cap);
    }
    float most = maxLanes(loadVector(weights)), top = most > largest ? most : largest;
    float shrink = exponential(largest - top);
    largest = top;
    for (int64_t j = 0; j < PageTokens; ++j)
      weights[j] = exponential(weights[j] - top);
    sum = sum * shrink + sumLanes(loadVector(weights));
    for (int64_t i = 0; i < valueWidth; i += Lanes) {
      Vector total = loadVector(result + i) * shrink;
      for (int64_t j = first; j < count; ++j)
        total = multiplyAdd(broadcast(weights[j]), loadVector(values + j * valueStep + i), total);
      storeVector(result + i, total);
    }
  }
};

} // namespace

/// Puts `first` [count] before `rest` [more], which makes room; what is behind it up to a multiple of Lanes is zeros.
LATHE_INLINE void putBefore(const float *first, int64_t count, float *rest, int64_t more) {
  for (int64_t i = more; i-- > 0;)
    rest[count + i] = rest[i];
  for (int64_t i = 0; i < count; ++i)
    rest[i] = first[i];
  for (int64_t i = count + more; i % Lanes != 0; ++i)
    rest[i] = 0.0f;
}

/// Causal attention of token rows [T, heads, key width] over the pages of their sequences. A tile is one token and one
/// head of keys, with all query heads that read it. Pages have the last `storedKeyWidth` elements of a key; what is
/// before them is its value.
LATHE_TEMPLATE void lathe_paged_attention(const void *query, const void *pool, const int32_t *rowOffsets,
                                          const int32_t *lengths, const int32_t *blockTables, const float *sinks,
                                          int64_t sequences, int64_t pagesPerSequence, int64_t layers, int64_t layer,
                                          int64_t heads, int64_t keyHeads, int64_t keyWidth, int64_t valueWidth,
                                          int64_t window, float scale, float cap, int64_t storedKeyWidth,
                                          int64_t queryBytes, int64_t storedKeyBytes, int64_t storedValueBytes,
                                          Unpack unpackQuery, Unpack unpackState, Store store, const Launch *launch,
                                          int64_t begin, int64_t end) {
  PagedLayer pages = makeLayer(const_cast<void *>(pool), layers, layer, keyHeads, storedKeyBytes, storedValueBytes);
  int64_t groupSize = heads / keyHeads;
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t token = tile / keyHeads, keyHead = tile % keyHeads;
    int64_t sequence = findSequence(rowOffsets, sequences, token);
    int64_t position =
        sequence < 0 || lengths[sequence] == 0 ? -1 : lengths[sequence] - (rowOffsets[sequence + 1] - token);
    int64_t start = window > 0 ? larger(0, position - window + 1) : 0;
    for (int64_t head = keyHead * groupSize; head < (keyHead + 1) * groupSize; head += Group) {
      int64_t count = smaller(Group, (keyHead + 1) * groupSize - head);
      HeadState states[Group];
      for (int64_t h = 0; h < count; ++h) {
        unpackPadded(unpackQuery, static_cast<const char *>(query) + (token * heads + head + h) * queryBytes, 0,
                     keyWidth, states[h].query);
        for (int64_t i = 0; i < valueWidth; i += Lanes)
          storeVector(states[h].result + i, Vector{});
        states[h].largest = sinks ? sinks[head + h] : -__builtin_inff();
        states[h].sum = sinks ? 1.0f : 0.0f;
      }
      for (int64_t block = start / PageTokens; block * PageTokens <= position; ++block) {
        int64_t page = blockTables[sequence * pagesPerSequence + block];
        int64_t first = larger(0, start - block * PageTokens);
        int64_t last = smaller(PageTokens, position + 1 - block * PageTokens);
        alignas(64) float keys[PageTokens * MaxTokenStep], values[PageTokens * MaxTokenStep];
        for (int64_t j = first; j < last; ++j) {
          float *key = keys + j * getTokenStep(keyWidth), *value = values + j * getTokenStep(valueWidth);
          unpackPadded(unpackState, pages.keys(page, keyHead, j), 0, storedKeyWidth, key);
          unpackPadded(unpackState, pages.values(page, keyHead, j), 0, valueWidth, value);
          if (storedKeyWidth < keyWidth)
            putBefore(value, valueWidth, key, storedKeyWidth);
        }
        for (int64_t h = 0; h < count; ++h)
          states[h].addPage(keys, values, first, last, keyWidth, valueWidth, scale, cap);
      }
      for (int64_t h = 0; h < count; ++h) {
        float inverse = position < 0 ? 0.0f : 1.0f / states[h].sum;
        for (int64_t i = 0; i < valueWidth; ++i)
          states[h].result[i] *= inverse;
        store(launch, states[h].result, (token * heads + head + h) * valueWidth, valueWidth);
      }
    }
  }
}
