// Batches for attention over pages, and softmax written out in f64 for what it gives.
#ifndef LATHE_TEST_KERNELS_PAGEDCASES_H
#define LATHE_TEST_KERNELS_PAGEDCASES_H

#include "PageNumbers.h"
#include "paged_attention_decode.cuh"

namespace lathe::kernels::test {

struct Sequence {
  int64_t Tokens, Length; ///< this step's tokens; positions with them
};

struct Batch {
  std::vector<Sequence> Sequences;
  int64_t PaddedTokens = 0;
  std::vector<int64_t> Dropped = {}; ///< tokens whose slot is -1
  int64_t Splits = 1, Window = 0;
  float SoftCap = 0;
  bool Sinks = false;
};

/// A pool in random page order: whatever no sequence owns is NaN.
template <class State, class Shape> struct Pages {
  static constexpr int64_t Layers = 2, Layer = 1;
  static constexpr int64_t PageElements = Layers * Shape::LayerElements;
  int64_t Columns = 1;
  std::vector<int32_t> Tables, RowOffsets{0}, Lengths, Slots;
  std::vector<State> Pool;
  std::vector<double> Numbers; ///< what is in it
  int64_t Tokens = 0;

  explicit Pages(const Batch &batch) {
    int64_t total = 1;
    for (const Sequence &s : batch.Sequences) {
      Columns = std::max(Columns, ceilDiv<int64_t>(s.Length, PageTokens) + 1);
      total += ceilDiv<int64_t>(s.Length, PageTokens);
    }
    std::vector<int32_t> order(total);
    for (int64_t i = 0; i < total; ++i)
      order[i] = int32_t(i);
    std::shuffle(order.begin(), order.end(), randomness());
    Tables.assign(batch.Sequences.size() * Columns, order[0]); // an unused entry names a page that nobody may read
    Numbers.assign(total * PageElements, NAN);
    int64_t next = 1;
    for (size_t s = 0; s < batch.Sequences.size(); ++s) {
      for (int64_t page = 0; page * PageTokens < batch.Sequences[s].Length; ++page)
        Tables[s * Columns + page] = order[next++];
      fill(int64_t(s), batch.Sequences[s].Length);
      Lengths.push_back(int32_t(batch.Sequences[s].Length));
      Tokens += batch.Sequences[s].Tokens;
      RowOffsets.push_back(int32_t(Tokens));
    }
    Pool = encodePages<State>(Numbers);
    Numbers = decodePages(Pool);
    Tokens += batch.PaddedTokens;
    Slots.assign(Tokens, 0);
    for (int64_t token : batch.Dropped)
      Slots[token] = -1;
  }

  int64_t key(int64_t sequence, int64_t position, int64_t head) const {
    return Tables[sequence * Columns + position / PageTokens] * PageElements + Layer * Shape::LayerElements +
           (head * PageTokens + position % PageTokens) * Shape::StoredWidth;
  }
  int64_t value(int64_t sequence, int64_t position, int64_t head) const {
    return Tables[sequence * Columns + position / PageTokens] * PageElements + Layer * Shape::LayerElements +
           Shape::ValueOffset + (head * PageTokens + position % PageTokens) * Shape::ValueWidth;
  }
  /// Element i of a key, which may begin with its value.
  int64_t keyElement(int64_t sequence, int64_t position, int64_t head, int64_t i) const {
    constexpr int64_t Before = Shape::KeyWidth - Shape::StoredWidth;
    return i < Before ? value(sequence, position, head) + i : key(sequence, position, head) + i - Before;
  }
  void fill(int64_t sequence, int64_t length) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (int64_t position = 0; position < length; ++position)
      for (int64_t head = 0; head < Shape::KvHeads; ++head) {
        for (int64_t i = 0; i < Shape::StoredWidth; ++i)
          Numbers[key(sequence, position, head) + i] = 2 * uniform(randomness());
        for (int64_t i = 0; i < Shape::ValueWidth; ++i)
          Numbers[value(sequence, position, head) + i] = uniform(randomness());
      }
  }
};

/// out[token, head, :] in f64 and the tolerance for each.
template <class State, class Shape, class Query>
void reference(const Batch &batch, const Pages<State, Shape> &pages, const std::vector<Query> &q, int64_t ldQ,
               float scale, const std::vector<float> &sinks, std::vector<double> &want) {
  want.assign(pages.Tokens * Shape::Heads * Shape::ValueWidth, 0);
  for (size_t s = 0; s < batch.Sequences.size(); ++s)
    for (int64_t i = 0; i < batch.Sequences[s].Tokens; ++i) {
      int64_t token = pages.RowOffsets[s] + i, end = batch.Sequences[s].Length - batch.Sequences[s].Tokens + i + 1;
      int64_t begin = batch.Window ? std::max<int64_t>(0, end - batch.Window) : 0;
      if (batch.Sequences[s].Length == 0 || pages.Slots[token] < 0)
        continue;
      for (int64_t head = 0; head < Shape::Heads; ++head) {
        std::vector<double> scores;
        for (int64_t j = begin; j < end; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < Shape::KeyWidth; ++d)
            dot += number(q[token * ldQ + head * Shape::KeyWidth + d]) *
                   pages.Numbers[pages.keyElement(s, j, head / Shape::Group, d)];
          dot *= scale;
          scores.push_back(batch.SoftCap ? batch.SoftCap * std::tanh(dot / batch.SoftCap) : dot);
        }
        double top = *std::max_element(scores.begin(), scores.end()), total = 0;
        for (double score : scores)
          total += std::exp(score - top);
        if (batch.Sinks)
          total += std::exp(sinks[head] - top);
        for (int64_t j = begin; j < end; ++j)
          for (int64_t d = 0; d < Shape::ValueWidth; ++d)
            want[(token * Shape::Heads + head) * Shape::ValueWidth + d] +=
                std::exp(scores[j - begin] - top) / total * pages.Numbers[pages.value(s, j, head / Shape::Group) + d];
      }
    }
}

/// The kernel without tensor cores, with all that a batch says.
template <class Query, class State, class Output, class Shape>
void runPlainCase(Suite &suite, const std::string &name, const Batch &batch) {
  Pages<State, Shape> pages(batch);
  const int64_t ldQ = Shape::Heads * Shape::KeyWidth + 8, ldOut = Shape::Heads * Shape::ValueWidth;
  auto q = randomVector<Query>(pages.Tokens * ldQ, -2, 2);
  auto sinkValues = randomVector<float>(Shape::Heads, -3, 3);
  Buffer<Query> deviceQ(q);
  Buffer<float> sinks(sinkValues);
  Buffer<State> pool(pages.Pool);
  Buffer<int32_t> offsets(pages.RowOffsets), lengths(pages.Lengths), tables(pages.Tables), slots(pages.Slots);
  auto out = Buffer<Output>::poisoned(pages.Tokens * ldOut);
  auto partial = Buffer<float>::poisoned(
      batch.Splits > 1 ? pages.Tokens * Shape::Heads * batch.Splits * (Shape::ValueWidth + 2) : 1);
  using Kernel = PagedAttention<Query, State, Output, Shape>;
  float scale = 1.0f / std::sqrt(float(Shape::KeyWidth));
  typename Kernel::Params params{.Q = deviceQ.data(),
                                 .Out = out.data(),
                                 .Pool = pool.data(),
                                 .RowOffsets = offsets.data(),
                                 .Lengths = lengths.data(),
                                 .BlockTables = tables.data(),
                                 .Slots = batch.Dropped.empty() ? nullptr : slots.data(),
                                 .Tokens = pages.Tokens,
                                 .Sequences = int64_t(batch.Sequences.size()),
                                 .Pages = pages.Columns,
                                 .LdQ = ldQ,
                                 .LdOut = ldOut,
                                 .PageElements = pages.PageElements,
                                 .LayerOffset = pages.Layer * Shape::LayerElements,
                                 .Scale = scale,
                                 .SoftCap = batch.SoftCap,
                                 .Window = batch.Window,
                                 .Sinks = batch.Sinks ? sinks.data() : nullptr,
                                 .Splits = batch.Splits,
                                 .Partial = partial.data()};
  std::string title = name + " window " + std::to_string(batch.Window) + " splits " + std::to_string(batch.Splits) +
                      (batch.Sinks ? " sinks" : "");
  for (const Sequence &s : batch.Sequences)
    title += " " + std::to_string(s.Tokens) + "/" + std::to_string(s.Length);
  auto got = suite.twice(title, out, [&](int64_t blocks) {
    launch<Kernel>(params, NoBody{}, blocks);
    if (batch.Splits > 1)
      launch<PagedAttentionMerge<Output, Shape>>({partial.data(), out.data(), pages.Tokens, batch.Splits, ldOut},
                                                 NoBody{}, blocks);
  });
  if (!partial.guardsIntact())
    return suite.report(title, false, "wrote outside the partial results");
  std::vector<double> want;
  reference(batch, pages, q, ldQ, scale, sinkValues, want);
  // Scores reach about 4 * sqrt(width); their f32 error is an error of the exponent, and so relative in the weights.
  double slack = 4 * accumulation(Shape::KeyWidth) * std::sqrt(double(Shape::KeyWidth)) + 16 * Rounding<float>;
  for (size_t i = 0; i < want.size(); ++i)
    if (want[i] == 0 && !got.empty() && number(got[i]) != 0)
      return suite.report(title, false, "a padded token's result is not zero");
  suite.compare(title, got, want, std::vector<double>(want.size(), slack));
}

/// What rounding queries' products, weights and sums to the operands of tensor cores costs: with 16-bit queries each
/// weight is rounded to the products' type, otherwise products keep what f32 has. Elements of q8_0 are rounded too,
/// those of keys by a part of their own size, which a score sums like its own rounding.
template <class Query, class State> double operandSlack(int64_t width) {
  double slack = 8 * accumulation(width) * std::sqrt(double(width)) + 16 * Rounding<float>;
  double rounding = Rounding<ProductElement<Query, State>>;
  slack += IsSame<State, Q8Block> ? rounding * (1 + std::sqrt(double(width))) : 0;
  return slack + (OperandParts<Query, State> == 1 ? 2 * rounding : 0);
}

/// A kernel on tensor cores: the same cases, with sinks.
template <class Kernel, class Query, class State, class Output, class Shape>
void runFastCase(Suite &suite, const std::string &name, const Batch &batch) {
  Pages<State, Shape> pages(batch);
  const int64_t ldQ = Shape::Heads * Shape::KeyWidth + 8, ldOut = Shape::Heads * Shape::ValueWidth;
  auto q = randomVector<Query>(pages.Tokens * ldQ, -2, 2);
  auto sinkValues = randomVector<float>(Shape::Heads, -3, 3);
  Buffer<Query> deviceQ(q);
  Buffer<State> pool(pages.Pool);
  Buffer<int32_t> offsets(pages.RowOffsets), lengths(pages.Lengths), tables(pages.Tables);
  Buffer<float> sinks(sinkValues);
  auto out = Buffer<Output>::poisoned(pages.Tokens * ldOut);
  float scale = 1.0f / std::sqrt(float(Shape::KeyWidth));
  typename Kernel::Params params{.Q = deviceQ.data(),
                                 .Out = out.data(),
                                 .Pool = pool.data(),
                                 .RowOffsets = offsets.data(),
                                 .Lengths = lengths.data(),
                                 .BlockTables = tables.data(),
                                 .Sinks = batch.Sinks ? sinks.data() : nullptr,
                                 .Tokens = pages.Tokens,
                                 .Sequences = int64_t(batch.Sequences.size()),
                                 .Pages = pages.Columns,
                                 .LdQ = ldQ,
                                 .LdOut = ldOut,
                                 .PageElements = pages.PageElements,
                                 .LayerOffset = pages.Layer * Shape::LayerElements,
                                 .Scale = scale,
                                 .SoftCap = batch.SoftCap,
                                 .Window = batch.Window};
  std::string title = name + " window " + std::to_string(batch.Window) + (batch.Sinks ? " sinks" : "");
  for (const Sequence &s : batch.Sequences)
    title += " " + std::to_string(s.Tokens) + "/" + std::to_string(s.Length);
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, NoBody{}, blocks); });
  std::vector<double> want;
  reference(batch, pages, q, ldQ, scale, sinkValues, want);
  for (size_t i = 0; i < want.size(); ++i)
    if (want[i] == 0 && !got.empty() && number(got[i]) != 0)
      return suite.report(title, false, "a padded token's result is not zero");
  suite.compare(title, got, want, std::vector<double>(want.size(), operandSlack<Query, State>(Shape::KeyWidth)));
}

template <class Kernel, class Query, class State, class Output, class Shape>
void fastCases(Suite &suite, const std::string &name) {
  const Batch batches[] = {
      {.Sequences = {{1, 1}}},
      {.Sequences = {{1, 15}, {1, 16}, {1, 17}, {1, 0}, {2, 31}}, .PaddedTokens = 2},
      {.Sequences = {{17, 17}, {1, 64}, {0, 0}, {5, 133}, {40, 100}}, .PaddedTokens = 3, .Sinks = true},
      {.Sequences = {{1, 300}, {70, 181}, {1, 1}, {3, 70}}, .Window = 38, .SoftCap = 3},
      {.Sequences = {{1, 1200}, {2, 0}, {65, 65}}, .Window = 1000, .Sinks = true},
  };
  for (const Batch &batch : batches)
    runFastCase<Kernel, Query, State, Output, Shape>(suite, name, batch);
  Batch many;
  for (int64_t s = 0; s < 70; ++s)
    many.Sequences.push_back({s % 9 == 5 ? 0 : s % 11 == 3 ? 9 : 1, 9 + s});
  runFastCase<Kernel, Query, State, Output, Shape>(suite, name, many);
}

/// The same random numbers again and again: more would take longer than what is timed.
inline std::vector<BFloat16> repeatRandom(size_t count) {
  std::vector<BFloat16> numbers = randomVector<BFloat16>(std::min<size_t>(count, 1 << 20));
  size_t made = numbers.size();
  numbers.resize(count);
  for (size_t i = made; i < count; i += made)
    std::copy_n(numbers.begin(), std::min(made, count - i), numbers.begin() + i);
  return numbers;
}

template <class Kernel, class Shape>
void timeFast(Suite &suite, const std::string &name, int64_t sequences, int64_t tokens, int64_t length) {
  if (!suite.Time)
    return;
  int64_t columns = ceilDiv<int64_t>(length, PageTokens), pages = sequences * columns, rows = sequences * tokens;
  double bytes = double(pages) * Shape::LayerElements * 2; // read once
  int copies = int(300e6 / bytes) + 1;
  Buffer<BFloat16> pool(repeatRandom(copies * pages * Shape::LayerElements));
  Buffer<BFloat16> q(repeatRandom(rows * Shape::Heads * Shape::KeyWidth));
  auto out = Buffer<BFloat16>::poisoned(rows * Shape::Heads * Shape::ValueWidth);
  std::vector<int32_t> tables(pages), offsets(sequences + 1), lengths(sequences, int32_t(length));
  for (int64_t i = 0; i < pages; ++i)
    tables[i] = int32_t(i);
  std::shuffle(tables.begin(), tables.end(), randomness());
  for (int64_t i = 0; i <= sequences; ++i)
    offsets[i] = int32_t(i * tokens);
  Buffer<int32_t> deviceTables(tables), deviceOffsets(offsets), deviceLengths(lengths);
  typename Kernel::Params params{.Q = q.data(),
                                 .Out = out.data(),
                                 .Pool = pool.data(),
                                 .RowOffsets = deviceOffsets.data(),
                                 .Lengths = deviceLengths.data(),
                                 .BlockTables = deviceTables.data(),
                                 .Sinks = nullptr,
                                 .Tokens = rows,
                                 .Sequences = sequences,
                                 .Pages = columns,
                                 .LdQ = Shape::Heads * Shape::KeyWidth,
                                 .LdOut = Shape::Heads * Shape::ValueWidth,
                                 .PageElements = Shape::LayerElements,
                                 .LayerOffset = 0,
                                 .Scale = 0.088f,
                                 .SoftCap = 0,
                                 .Window = 0};
  double seen = double(tokens) * (double(length) - double(tokens - 1) / 2);
  suite.time(name + ", " + std::to_string(sequences) + " x " + std::to_string(tokens) + "/" + std::to_string(length),
             copies, bytes, 2.0 * sequences * Shape::Heads * seen * (Shape::KeyWidth + Shape::ValueWidth), [&](int i) {
               params.Pool = pool.data() + i * pages * Shape::LayerElements;
               launch<Kernel>(params, NoBody{});
             });
}

} // namespace lathe::kernels::test

#endif // LATHE_TEST_KERNELS_PAGEDCASES_H
