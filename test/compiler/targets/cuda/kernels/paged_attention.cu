// Attention over pages against softmax written out in f64, on ragged batches of decode, prefill and padding.
#include "KernelTest.h"
#include "paged_attention.cuh"
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
};

/// A pool in random page order: whatever no sequence owns is NaN.
template <class State, class Shape> struct Pages {
  static constexpr int64_t Layers = 2, Layer = 1;
  static constexpr int64_t PageElements = Layers * Shape::LayerElements;
  int64_t Columns = 1;
  std::vector<int32_t> Tables, RowOffsets{0}, Lengths, Slots;
  std::vector<State> Pool;
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
    Pool.assign(total * PageElements, element<State>(NAN));
    int64_t next = 1;
    for (size_t s = 0; s < batch.Sequences.size(); ++s) {
      for (int64_t page = 0; page * PageTokens < batch.Sequences[s].Length; ++page)
        Tables[s * Columns + page] = order[next++];
      fill(int64_t(s), batch.Sequences[s].Length);
      Lengths.push_back(int32_t(batch.Sequences[s].Length));
      Tokens += batch.Sequences[s].Tokens;
      RowOffsets.push_back(int32_t(Tokens));
    }
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
          Pool[key(sequence, position, head) + i] = element<State>(2 * uniform(randomness()));
        for (int64_t i = 0; i < Shape::ValueWidth; ++i)
          Pool[value(sequence, position, head) + i] = element<State>(uniform(randomness()));
      }
  }
};

/// out[token, head, :] in f64 and the tolerance for each.
template <class State, class Shape, class Query>
void reference(const Batch &batch, const Pages<State, Shape> &pages, const std::vector<Query> &q, int64_t ldQ,
               float scale, std::vector<double> &want) {
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
                   number(pages.Pool[pages.key(s, j, head / Shape::Group) + d]);
          dot *= scale;
          scores.push_back(batch.SoftCap ? batch.SoftCap * std::tanh(dot / batch.SoftCap) : dot);
        }
        double top = *std::max_element(scores.begin(), scores.end()), total = 0;
        for (double score : scores)
          total += std::exp(score - top);
        for (int64_t j = begin; j < end; ++j)
          for (int64_t d = 0; d < Shape::ValueWidth; ++d)
            want[(token * Shape::Heads + head) * Shape::ValueWidth + d] +=
                std::exp(scores[j - begin] - top) / total *
                number(pages.Pool[pages.value(s, j, head / Shape::Group) + d]);
      }
    }
}

template <class Query, class State, class Output, class Shape>
void runCase(Suite &suite, const std::string &name, const Batch &batch) {
  Pages<State, Shape> pages(batch);
  const int64_t ldQ = Shape::Heads * Shape::KeyWidth + 8, ldOut = Shape::Heads * Shape::ValueWidth;
  auto q = randomVector<Query>(pages.Tokens * ldQ, -2, 2);
  Buffer<Query> deviceQ(q);
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
                                 .Splits = batch.Splits,
                                 .Partial = partial.data()};
  std::string title = name + " window " + std::to_string(batch.Window) + " splits " + std::to_string(batch.Splits);
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
  reference(batch, pages, q, ldQ, scale, want);
  // Scores reach about 4 * sqrt(width); their f32 error is an error of the exponent, and so relative in the weights.
  double slack = 4 * accumulation(Shape::KeyWidth) * std::sqrt(double(Shape::KeyWidth)) + 16 * Rounding<float>;
  for (size_t i = 0; i < want.size(); ++i)
    if (want[i] == 0 && !got.empty() && number(got[i]) != 0)
      return suite.report(title, false, "a padded token's result is not zero");
  suite.compare(title, got, want, std::vector<double>(want.size(), slack));
}

template <class Query, class State, class Output, class Shape> void cases(Suite &suite, const std::string &name) {
  const Batch batches[] = {
      {.Sequences = {{1, 1}}},
      {.Sequences = {{1, 15}, {1, 16}, {1, 17}, {1, 0}}},
      {.Sequences = {{17, 17}, {1, 64}, {0, 0}, {5, 33}}, .PaddedTokens = 3},
      {.Sequences = {{3, 130}, {1, 65}}, .Dropped = {1}},
      {.Sequences = {{1, 200}, {20, 81}, {1, 1}}, .Window = 18},
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

} // namespace

int main(int argc, char **argv) {
  Suite suite("paged_attention", argc, argv);
  cases<float, float, float, AttentionShape<4, 2, 64, 64>>(suite, "f32 4/2x64");
  cases<Half, Half, Half, AttentionShape<8, 2, 128, 128>>(suite, "f16 8/2x128");
  cases<float, BFloat16, float, AttentionShape<3, 1, 5, 3>>(suite, "f32*bf16 3/1x5/3");
  cases<BFloat16, BFloat16, BFloat16, AttentionShape<16, 1, 80, 80>>(suite, "bf16 16/1x80");
  cases<Half, float, float, AttentionShape<6, 6, 192, 128>>(suite, "f16*f32 6/6x192/128");
  cases<float, float, Half, AttentionShape<8, 1, 256, 256>>(suite, "f32 8/1x256");
  using Shape = AttentionShape<32, 8, 128, 128>;
  for (int64_t length : {512, 4096, 32768}) {
    time<Shape>(suite, 1, length, length / 256);
    time<Shape>(suite, 64, length, 1);
  }
  return suite.finish();
}
