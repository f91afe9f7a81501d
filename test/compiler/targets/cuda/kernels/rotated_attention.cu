// Decode attention that turns and appends its rows itself against the kernels that do one thing each, which have tests
// of their own: the same results, and the same pages.
#include "KernelTest.h"
#include "append_kv.cuh"
#include "paged_attention_decode_sm90.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Step {
  std::vector<std::pair<int64_t, int64_t>> Sequences; ///< this step's tokens, positions with them
  int64_t PaddedTokens = 0;
  std::vector<int64_t> Dropped = {}; ///< tokens whose slot is -1
  int64_t Window = 0;
};

/// Pages of all sequences in random order, and what the step says of its tokens.
template <class Shape> struct Pages {
  static constexpr int64_t Layers = 2;
  int64_t Columns = 1, Count = 0, Tokens = 0;
  std::vector<int32_t> Tables, RowOffsets{0}, Lengths, Slots, Positions;

  explicit Pages(const Step &step) {
    for (auto [tokens, length] : step.Sequences) {
      Columns = std::max(Columns, ceilDiv<int64_t>(length, PageTokens) + 1);
      Count += ceilDiv<int64_t>(length, PageTokens);
    }
    std::vector<int32_t> order(++Count);
    for (int64_t i = 0; i < Count; ++i)
      order[i] = int32_t(i);
    std::shuffle(order.begin(), order.end(), randomness());
    Tables.assign(step.Sequences.size() * Columns, order[0]);
    int64_t next = 1;
    for (size_t s = 0; s < step.Sequences.size(); ++s) {
      auto [tokens, length] = step.Sequences[s];
      for (int64_t page = 0; page * PageTokens < length; ++page)
        Tables[s * Columns + page] = order[next++];
      for (int64_t position = length - tokens; position < length; ++position) {
        Positions.push_back(int32_t(position));
        Slots.push_back(
            position < 0 ? -1
                         : int32_t(Tables[s * Columns + position / PageTokens] * PageTokens + position % PageTokens));
      }
      Tokens += tokens;
      Lengths.push_back(int32_t(length));
      RowOffsets.push_back(int32_t(Tokens));
    }
    Tokens += step.PaddedTokens;
    Positions.resize(Tokens, 0);
    Slots.resize(Tokens, -1);
    for (int64_t token : step.Dropped)
      Slots[token] = -1;
  }
};

template <class Kernel, class Input, class Query, class State, class Shape, Pairing Pairs, int Dims>
void runCase(Suite &suite, const std::string &name, const Step &step) {
  Pages<Shape> pages(step);
  constexpr int64_t LayerOffset = Shape::LayerElements, PageElements = Pages<Shape>::Layers * Shape::LayerElements;
  constexpr int64_t Wide = Shape::Heads * Shape::KeyWidth, LdK = Shape::KvHeads * Shape::KeyWidth + 8,
                    LdV = Shape::KvHeads * Shape::ValueWidth + 8, LdOut = Shape::Heads * Shape::ValueWidth;
  auto memory = randomVector<State>(pages.Count * PageElements);
  Buffer<Input> q(randomVector<Input>(pages.Tokens * Wide, -2, 2)), k(randomVector<Input>(pages.Tokens * LdK)),
      v(randomVector<Input>(pages.Tokens * LdV));
  Buffer<float> factors(randomVector<float>(Dims / 2, 0.5, 2));
  Buffer<int32_t> offsets(pages.RowOffsets), lengths(pages.Lengths), tables(pages.Tables), slots(pages.Slots),
      positions(pages.Positions);
  Buffer<State> apart(memory), together(memory);
  auto turned = Buffer<Query>::poisoned(pages.Tokens * Wide);
  auto want = Buffer<State>::poisoned(pages.Tokens * LdOut), out = Buffer<State>::poisoned(pages.Tokens * LdOut);
  // 1. One after the other.
  launch<AppendRotatedKv<Input, State, Shape, Pairs>>({.K = k.data(),
                                                       .V = v.data(),
                                                       .Pool = apart.data(),
                                                       .Slots = slots.data(),
                                                       .Positions = positions.data(),
                                                       .Factors = factors.data(),
                                                       .Tokens = pages.Tokens,
                                                       .Dims = Dims,
                                                       .LdK = LdK,
                                                       .LdV = LdV,
                                                       .PageElements = PageElements,
                                                       .LayerOffset = LayerOffset,
                                                       .PositionStride = 1,
                                                       .Base = 10000,
                                                       .PositionScale = 1,
                                                       .Magnitude = 1.25f},
                                                      NoBody{});
  launch<Rope<Input, Query, Pairs>>({q.data(), turned.data(), positions.data(), factors.data(), pages.Tokens,
                                     Shape::Heads, Shape::KeyWidth, Dims, Wide, Wide, 1, 10000, 1, 1.25f},
                                    NoBody{});
  using Apart = PagedAttentionDecode<Query, State, State, Shape, Kernel::Threads / 32>;
  launch<Apart>({.Q = turned.data(),
                 .Out = want.data(),
                 .Pool = apart.data(),
                 .RowOffsets = offsets.data(),
                 .Lengths = lengths.data(),
                 .BlockTables = tables.data(),
                 .Sinks = nullptr,
                 .Tokens = pages.Tokens,
                 .Sequences = int64_t(step.Sequences.size()),
                 .Pages = pages.Columns,
                 .LdQ = Wide,
                 .LdOut = LdOut,
                 .PageElements = PageElements,
                 .LayerOffset = LayerOffset,
                 .Scale = 0.125f,
                 .SoftCap = 0,
                 .Window = step.Window},
                NoBody{});
  // 2. All in one.
  typename Kernel::Params params{.Q = q.data(),
                                 .Out = out.data(),
                                 .Pool = together.data(),
                                 .RowOffsets = offsets.data(),
                                 .Lengths = lengths.data(),
                                 .BlockTables = tables.data(),
                                 .Sinks = nullptr,
                                 .Tokens = pages.Tokens,
                                 .Sequences = int64_t(step.Sequences.size()),
                                 .Pages = pages.Columns,
                                 .LdQ = Wide,
                                 .LdOut = LdOut,
                                 .PageElements = PageElements,
                                 .LayerOffset = LayerOffset,
                                 .Scale = 0.125f,
                                 .SoftCap = 0,
                                 .Window = step.Window,
                                 .K = k.data(),
                                 .V = v.data(),
                                 .Slots = slots.data(),
                                 .Positions = positions.data(),
                                 .Factors = factors.data(),
                                 .LdK = LdK,
                                 .LdV = LdV,
                                 .PositionStride = 1,
                                 .Base = 10000,
                                 .PositionScale = 1,
                                 .Magnitude = 1.25f};
  std::string title = name + " window " + std::to_string(step.Window);
  for (auto [tokens, length] : step.Sequences)
    title += " " + std::to_string(tokens) + "/" + std::to_string(length);
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, NoBody{}, blocks); });
  // A product may be rounded on its own or as part of a sum, and an element then to a neighbour.
  auto compare = [&](const std::string &what, const std::vector<State> &is, const std::vector<State> &should,
                     double slack) {
    std::vector<double> numbers(should.size());
    for (size_t i = 0; i < should.size(); ++i)
      numbers[i] = number(should[i]);
    suite.compare(title + what, is, numbers, std::vector<double>(numbers.size(), slack));
  };
  compare("", got, want.read(), 16 * Rounding<State>);
  compare(" pages", together.read(), apart.read(), 4 * Rounding<State>);
  suite.report(title + " guards", together.guardsIntact(), "wrote outside the pages");
}

template <class Input, class Query, class State, class Shape, Pairing Pairs, int Dims>
void cases(Suite &suite, const std::string &name) {
  using Fresh = Rotating<Input, Pairs, Dims, 8>;
  const Step steps[] = {
      {.Sequences = {{1, 1}}},
      {.Sequences = {{1, 16}, {1, 17}, {2, 95}, {1, 0}}, .PaddedTokens = 2},
      {.Sequences = {{5, 5}, {3, 34}}, .Dropped = {1, 7}},
      {.Sequences = {{8, 300}}, .Window = 38},
  };
  for (const Step &step : steps) {
    runCase<PagedAttentionDecode<Query, State, State, Shape, 4, 4, false, Fresh>, Input, Query, State, Shape, Pairs,
            Dims>(suite, name, step);
    runCase<PagedAttentionDecode<Query, State, State, Shape, 4, 4, true, Fresh>, Input, Query, State, Shape, Pairs,
            Dims>(suite, name + " lean", step);
    runCase<PagedAttentionDecodeCluster<Query, State, State, Shape, 2, 4, Fresh>, Input, Query, State, Shape, Pairs,
            Dims>(suite, name + " cluster", step);
    runCase<PagedAttentionDecodeCluster<Query, State, State, Shape, 2, 4, Fresh, 2>, Input, Query, State, Shape, Pairs,
            Dims>(suite, name + " cluster with rings", step);
  }
  using One = Rotating<Input, Pairs, Dims, 1>;
  runCase<PagedAttentionDecodeCluster<Query, State, State, Shape, 2, 8, One>, Input, Query, State, Shape, Pairs, Dims>(
      suite, name + " one", {.Sequences = {{1, 530}}});
  // Rings that leave no room for what blocks send each other.
  constexpr int Stages = (110 << 10) / (4 * PageTokens * Shape::KeyWidth * int(sizeof(State)));
  using Full = PagedAttentionDecodeCluster<Query, State, State, Shape, 4, 8, Fresh, Stages>;
  static_assert(!Full::Apart);
  runCase<Full, Input, Query, State, Shape, Pairs, Dims>(suite, name + " cluster with full rings",
                                                         {.Sequences = {{8, 300}, {1, 1700}}});
  runCase<PagedAttentionDecodeCluster<Query, State, State, Shape, 1, 2, One, 3>, Input, Query, State, Shape, Pairs,
          Dims>(suite, name + " one with rings", {.Sequences = {{1, 1100}}});
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("rotated_attention", argc, argv);
  cases<float, Half, Half, AttentionShape<8, 2, 64, 64>, Pairing::Adjacent, 64>(suite, "f32 f16 adjacent");
  cases<float, BFloat16, BFloat16, AttentionShape<4, 4, 48, 32>, Pairing::Half, 32>(suite, "f32 bf16 half");
  cases<Half, float, Half, AttentionShape<12, 1, 32, 16>, Pairing::Half, 32>(suite, "f16 f32 f16 half");
  return suite.finish();
}
