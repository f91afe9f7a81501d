// Attention over pages against softmax written out in f64, on ragged batches of decode, prefill and padding.
#include "PageNumbers.h"
#include "paged_attention_decode_sm90.cuh"
#include "paged_attention_prefill_sm90.cuh"
#include <set>

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

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
           (head * PageTokens + position % PageTokens) * Shape::KeyWidth;
  }
  int64_t value(int64_t sequence, int64_t position, int64_t head) const {
    return Tables[sequence * Columns + position / PageTokens] * PageElements + Layer * Shape::LayerElements +
           Shape::KvHeads * PageTokens * Shape::KeyWidth +
           (head * PageTokens + position % PageTokens) * Shape::ValueWidth;
  }
  void fill(int64_t sequence, int64_t length) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (int64_t position = 0; position < length; ++position)
      for (int64_t head = 0; head < Shape::KvHeads; ++head) {
        for (int64_t i = 0; i < Shape::KeyWidth; ++i)
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
                   pages.Numbers[pages.key(s, j, head / Shape::Group) + d];
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

template <class Query, class State, class Output, class Shape>
void runCase(Suite &suite, const std::string &name, const Batch &batch) {
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

/// The kernel of warpgroups: every sequence takes a tile or more, and a block several tiles.
template <class State, class Output, class Shape> void warpgroupCases(Suite &suite, const std::string &name) {
  const Batch batches[] = {
      {.Sequences = {{1, 15}, {1, 16}, {1, 17}, {1, 0}, {2, 31}}, .PaddedTokens = 2},
      {.Sequences = {{17, 17}, {1, 64}, {0, 0}, {5, 133}, {40, 100}}, .PaddedTokens = 3, .Sinks = true},
      {.Sequences = {{1, 300}, {70, 181}, {1, 1}}, .Window = 38, .SoftCap = 3},
      {.Sequences = {{1, 700}, {large(500, 200), large(700, 200)}, {0, 0}, {130, 400}}, .Window = 600},
  };
  for (const Batch &batch : batches)
    runFastCase<PagedAttentionPrefillSm90<State, Output, Shape, 5>, State, State, Output, Shape>(suite, name, batch);
}

template <class Query, class State, class Output, class Shape>
void tensorCoreCases(Suite &suite, const std::string &name) {
  fastCases<PagedAttentionDecode<Query, State, Output, Shape, 4>, Query, State, Output, Shape>(suite, name + " decode");
  if constexpr (Shape::KeyWidth <= 256)
    fastCases<PagedAttentionPrefill<Query, State, Output, Shape>, Query, State, Output, Shape>(suite,
                                                                                               name + " prefill");
#ifndef LATHE_EMULATED
  fastCases<PagedAttentionDecodeCluster<Query, State, Output, Shape, 8, 8>, Query, State, Output, Shape>(
      suite, name + " decode cluster");
#endif
}

template <class Query, class State, class Output, class Shape> void cases(Suite &suite, const std::string &name) {
  const Batch batches[] = {
      {.Sequences = {{1, 1}}},
      {.Sequences = {{1, 15}, {1, 16}, {1, 17}, {1, 0}}},
      {.Sequences = {{17, 17}, {1, 64}, {0, 0}, {5, 33}}, .PaddedTokens = 3},
      {.Sequences = {{3, 130}, {1, 65}}, .Dropped = {1}},
      {.Sequences = {{1, 200}, {20, 81}, {1, 1}}, .Window = 18, .Sinks = true},
      {.Sequences = {{2, 97}, {1, 0}, {1, 3}}, .PaddedTokens = 1, .Splits = 3},
      {.Sequences = {{1, 300}, {4, 40}}, .Splits = 4, .Window = 100, .SoftCap = 3},
  };
  for (const Batch &batch : batches)
    runCase<Query, State, Output, Shape>(suite, name, batch);
  runCase<Query, State, Output, Shape>(suite, name, {.Sequences = {{1, large(20001, 401)}}, .Splits = 7});
}

template <class Shape> void time(Suite &suite, int64_t sequences, int64_t length, int64_t splits) {
  if (!suite.Time)
    return;
  int64_t columns = ceilDiv<int64_t>(length, PageTokens), pages = sequences * columns;
  double bytes = double(pages) * Shape::LayerElements * 2;
  int copies = int(300e6 / bytes) + 1;
  Buffer<Half> pool(std::vector<Half>(copies * pages * Shape::LayerElements, element<Half>(0.5)));
  Buffer<Half> q(randomVector<Half>(sequences * Shape::Heads * Shape::KeyWidth));
  auto out = Buffer<Half>::poisoned(sequences * Shape::Heads * Shape::ValueWidth);
  auto partial = Buffer<float>::poisoned(sequences * Shape::Heads * splits * (Shape::ValueWidth + 2));
  std::vector<int32_t> tables(pages), offsets(sequences + 1), lengths(sequences, int32_t(length));
  for (int64_t i = 0; i < pages; ++i)
    tables[i] = int32_t(i);
  for (int64_t i = 0; i <= sequences; ++i)
    offsets[i] = int32_t(i);
  Buffer<int32_t> deviceTables(tables), deviceOffsets(offsets), deviceLengths(lengths);
  using Kernel = PagedAttention<Half, Half, Half, Shape>;
  typename Kernel::Params params{.Q = q.data(),
                                 .Out = out.data(),
                                 .Pool = pool.data(),
                                 .RowOffsets = deviceOffsets.data(),
                                 .Lengths = deviceLengths.data(),
                                 .BlockTables = deviceTables.data(),
                                 .Slots = nullptr,
                                 .Tokens = sequences,
                                 .Sequences = sequences,
                                 .Pages = columns,
                                 .LdQ = Shape::Heads * Shape::KeyWidth,
                                 .LdOut = Shape::Heads * Shape::ValueWidth,
                                 .PageElements = Shape::LayerElements,
                                 .LayerOffset = 0,
                                 .Scale = 0.088f,
                                 .SoftCap = 0,
                                 .Window = 0,
                                 .Sinks = nullptr,
                                 .Splits = splits,
                                 .Partial = partial.data()};
  suite.time("f16 32/8x128, batch " + std::to_string(sequences) + " context " + std::to_string(length) + " splits " +
                 std::to_string(splits),
             copies, bytes, 0, [&](int i) {
               params.Pool = pool.data() + i * pages * Shape::LayerElements;
               launch<Kernel>(params, NoBody{});
               if (splits > 1)
                 launch<PagedAttentionMerge<Half, Shape>>(
                     {partial.data(), out.data(), sequences, splits, Shape::Heads * Shape::ValueWidth}, NoBody{});
             });
}

/// The forms of GPUs before sm_90, and a cluster of other size.
template <class Query, class State, class Output, class Shape> void leanCases(Suite &suite, const std::string &name) {
  fastCases<PagedAttentionDecode<Query, State, Output, Shape, 8, 8, true>, Query, State, Output, Shape>(
      suite, name + " lean decode");
  fastCases<PagedAttentionPrefill<Query, State, Output, Shape, true>, Query, State, Output, Shape>(
      suite, name + " lean prefill");
  fastCases<PagedAttentionDecodeCluster<Query, State, Output, Shape, 2, 4>, Query, State, Output, Shape>(
      suite, name + " cluster of 4");
}

template <class Kernel, class Shape>
void timeFast(Suite &suite, const std::string &name, int64_t sequences, int64_t tokens, int64_t length) {
  if (!suite.Time)
    return;
  int64_t columns = ceilDiv<int64_t>(length, PageTokens), pages = sequences * columns, rows = sequences * tokens;
  double bytes = double(pages) * Shape::LayerElements * 2;
  int copies = int(300e6 / bytes) + 1;
  Buffer<BFloat16> pool(std::vector<BFloat16>(copies * pages * Shape::LayerElements, element<BFloat16>(0.5)));
  Buffer<BFloat16> q(randomVector<BFloat16>(rows * Shape::Heads * Shape::KeyWidth));
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
  suite.time("bf16 32/8x128 " + name + ", " + std::to_string(sequences) + " x " + std::to_string(tokens) + "/" +
                 std::to_string(length),
             copies, bytes, 2.0 * sequences * Shape::Heads * seen * (Shape::KeyWidth + Shape::ValueWidth), [&](int i) {
               params.Pool = pool.data() + i * pages * Shape::LayerElements;
               launch<Kernel>(params, NoBody{});
             });
}

template <class Shape> void timeTensorCores(Suite &suite) {
  using B = BFloat16;
  for (int64_t length : {512, 4096, 32768}) {
    timeFast<PagedAttentionDecode<B, B, B, Shape, 4>, Shape>(suite, "4 warps", 1, 1, length);
    timeFast<PagedAttentionDecode<B, B, B, Shape, 8>, Shape>(suite, "8 warps", 1, 1, length);
#ifndef LATHE_EMULATED
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 4, 8>, Shape>(suite, "4 warps x 8", 1, 1, length);
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 8, 8>, Shape>(suite, "8 warps x 8", 1, 1, length);
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 4, 4>, Shape>(suite, "4 warps x 4", 8, 1, length);
#endif
  }
  for (auto [sequences, length] : {std::pair<int64_t, int64_t>{64, 1024}, {64, 4096}, {256, 1024}}) {
    timeFast<PagedAttentionDecode<B, B, B, Shape, 4>, Shape>(suite, "4 warps", sequences, 1, length);
    timeFast<PagedAttentionDecode<B, B, B, Shape, 8>, Shape>(suite, "8 warps", sequences, 1, length);
#ifndef LATHE_EMULATED
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 4, 2>, Shape>(suite, "4 warps x 2", sequences, 1, length);
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 4, 4>, Shape>(suite, "4 warps x 4", sequences, 1, length);
#endif
    timeFast<PagedAttentionPrefill<B, B, B, Shape>, Shape>(suite, "any rows", sequences, 1, length);
  }
  for (int64_t tokens : {512, 2048, 8192})
    timeFast<PagedAttentionPrefill<B, B, B, Shape>, Shape>(suite, "any rows", 1, tokens, tokens),
        timeFast<PagedAttentionPrefillSm90<B, B, Shape>, Shape>(suite, "warpgroups", 1, tokens, tokens);
  timeFast<PagedAttentionPrefillSm90<B, B, Shape>, Shape>(suite, "warpgroups", 1, 512, 8192);
  timeFast<PagedAttentionPrefill<B, B, B, Shape>, Shape>(suite, "any rows", 1, 512, 8192);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("paged_attention", argc, argv);
  cases<float, float, float, AttentionShape<4, 2, 64, 64>>(suite, "f32 4/2x64");
  cases<Half, Half, Half, AttentionShape<8, 2, 128, 128>>(suite, "f16 8/2x128");
  cases<float, BFloat16, float, AttentionShape<3, 1, 5, 3>>(suite, "f32*bf16 3/1x5/3");
  cases<BFloat16, BFloat16, BFloat16, AttentionShape<16, 1, 80, 80>>(suite, "bf16 16/1x80");
  cases<Half, float, float, AttentionShape<6, 6, 192, 128>>(suite, "f16*f32 6/6x192/128");
  cases<float, float, Half, AttentionShape<8, 1, 256, 256>>(suite, "f32 8/1x256");
  tensorCoreCases<BFloat16, BFloat16, BFloat16, AttentionShape<8, 2, 128, 128>>(suite, "bf16 8/2x128");
  warpgroupCases<BFloat16, BFloat16, AttentionShape<8, 2, 128, 128>>(suite, "bf16 8/2x128 warpgroups");
  warpgroupCases<Half, float, AttentionShape<3, 1, 64, 128>>(suite, "f16 3/1x64/128 warpgroups");
  tensorCoreCases<Half, Half, Half, AttentionShape<3, 1, 64, 80>>(suite, "f16 3/1x64/80");
  leanCases<Half, Half, Half, AttentionShape<3, 1, 64, 80>>(suite, "f16 3/1x64/80");
  tensorCoreCases<float, Half, float, AttentionShape<2, 2, 112, 96>>(suite, "f32*f16 2/2x112/96");
  tensorCoreCases<float, BFloat16, BFloat16, AttentionShape<12, 1, 80, 112>>(suite, "f32*bf16 12/1x80/112");
  tensorCoreCases<BFloat16, BFloat16, float, AttentionShape<2, 1, 256, 256>>(suite, "bf16 2/1x256");
  tensorCoreCases<Half, Half, Half, AttentionShape<4, 4, 192, 128>>(suite, "f16 4/4x192/128");
  tensorCoreCases<BFloat16, BFloat16, BFloat16, AttentionShape<20, 1, 576, 512>>(suite, "bf16 20/1x576/512");
  cases<Half, Float8, Half, AttentionShape<4, 2, 64, 40>>(suite, "f16*fp8 4/2x64/40");
  cases<float, Q8Block, float, AttentionShape<6, 3, 96, 64>>(suite, "f32*q8_0 6/3x96/64");
  tensorCoreCases<Half, Float8, Half, AttentionShape<8, 2, 128, 128>>(suite, "f16*fp8 8/2x128");
  tensorCoreCases<BFloat16, Float8, BFloat16, AttentionShape<3, 1, 80, 112>>(suite, "bf16*fp8 3/1x80/112");
  tensorCoreCases<float, Float8, float, AttentionShape<2, 2, 48, 64>>(suite, "f32*fp8 2/2x48/64");
  leanCases<BFloat16, Float8, float, AttentionShape<4, 1, 64, 64>>(suite, "bf16*fp8 4/1x64");
  tensorCoreCases<Half, Q8Block, Half, AttentionShape<8, 2, 128, 128>>(suite, "f16*q8_0 8/2x128");
  tensorCoreCases<BFloat16, Q8Block, BFloat16, AttentionShape<3, 1, 64, 96>>(suite, "bf16*q8_0 3/1x64/96");
  leanCases<Half, Q8Block, Half, AttentionShape<12, 1, 96, 64>>(suite, "f16*q8_0 12/1x96/64");
  using Shape = AttentionShape<32, 8, 128, 128>;
  timeTensorCores<Shape>(suite);
  for (int64_t length : {512, 4096, 32768}) {
    time<Shape>(suite, 1, length, length / 256);
    time<Shape>(suite, 64, length, 1);
  }
  return suite.finish();
}
