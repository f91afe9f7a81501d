// Attention over tensors, one warp a query and on tensor cores, of batches and of ragged ones, against the sums written
// out in f64.
#include "KernelTest.h"
#include "attention_tiles_sm90.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Case {
  int64_t Batches, Heads, KvHeads, Tokens, Keys;
  bool TokensFirst = true, Causal = false;
  int Mask = 0; ///< 0: none, 1: one row for all queries of a batch, 2: a row for each query and head, some see nothing
  int64_t Bad = -1; ///< a key of NaN, -1: none
};

template <class T> AttentionView viewOf(const Case &c, int64_t heads, int64_t tokens, int64_t width) {
  return c.TokensFirst ? AttentionView{tokens * heads * width, width, heads * width}
                       : AttentionView{heads * tokens * width, tokens * width, width};
}

/// Masks hide a third of the keys, one of them with the lowest number instead of infinity, or all of a query.
std::vector<float> makeMask(const Case &c) {
  int64_t rows = c.Mask == 1 ? c.Batches : c.Batches * c.Heads * c.Tokens;
  std::vector<float> mask = randomVector<float>(size_t(rows * c.Keys), -2, 2);
  for (int64_t i = 0; i < int64_t(mask.size()); ++i) {
    if (i % 3 == 1)
      mask[i] = i % 2 ? -3.40282347e38f : -INFINITY;
    if (c.Mask == 2 && i / c.Keys % 5 == 2)
      mask[i] = -INFINITY;
    if (c.Mask == 2 && i / c.Keys % 5 == 3)
      mask[i] = -3.40282347e38f;
  }
  return mask;
}

template <class Kernel, class Element, class Output, int KeyWidth, int ValueWidth>
void runCase(Suite &suite, const std::string &name, const Case &c) {
  auto q = randomVector<Element>(c.Batches * c.Heads * c.Tokens * KeyWidth, -2, 2);
  auto k = randomVector<Element>(c.Batches * c.KvHeads * c.Keys * KeyWidth, -2, 2);
  auto v = randomVector<Element>(c.Batches * c.KvHeads * c.Keys * ValueWidth);
  auto mask = makeMask(c);
  if (c.Bad >= 0)
    k[viewOf<Element>(c, c.KvHeads, c.Keys, KeyWidth).Token * c.Bad] = element<Element>(NAN);
  Buffer<Element> deviceQ(q), deviceK(k), deviceV(v);
  Buffer<float> deviceMask(mask);
  auto out = Buffer<Output>::poisoned(c.Batches * c.Heads * c.Tokens * ValueWidth);
  auto maskView = c.Mask == 2   ? AttentionView{c.Heads * c.Tokens * c.Keys, c.Tokens * c.Keys, c.Keys}
                  : c.Mask == 1 ? AttentionView{c.Keys, 0, 0}
                                : AttentionView{0, 0, 0};
  typename Kernel::Params params{.Query = deviceQ.data(),
                                 .Key = deviceK.data(),
                                 .Value = deviceV.data(),
                                 .Mask = c.Mask ? deviceMask.data() : nullptr,
                                 .Out = out.data(),
                                 .Batches = c.Batches,
                                 .Heads = c.Heads,
                                 .KvHeads = c.KvHeads,
                                 .Tokens = c.Tokens,
                                 .Keys = c.Keys,
                                 .KeyWidth = KeyWidth,
                                 .ValueWidth = ValueWidth,
                                 .QueryView = viewOf<Element>(c, c.Heads, c.Tokens, KeyWidth),
                                 .KeyView = viewOf<Element>(c, c.KvHeads, c.Keys, KeyWidth),
                                 .ValueView = viewOf<Element>(c, c.KvHeads, c.Keys, ValueWidth),
                                 .MaskView = maskView,
                                 .OutView = viewOf<Output>(c, c.Heads, c.Tokens, ValueWidth),
                                 .MaskKey = 1,
                                 .Scale = 0.25f,
                                 .Causal = c.Causal};
  std::string title = name + " " + std::to_string(c.Batches) + "x" + std::to_string(c.Heads) + "/" +
                      std::to_string(c.KvHeads) + "x" + std::to_string(c.Tokens) + " over " + std::to_string(c.Keys) +
                      " widths " + std::to_string(KeyWidth) + ", " + std::to_string(ValueWidth) +
                      (c.TokensFirst ? " tokens first" : "") + (c.Causal ? " causal" : "") + " mask " +
                      std::to_string(c.Mask);
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, NoBody{}, blocks); });
  std::vector<double> want(out.size()), slack(out.size());
  auto place = [](const AttentionView &view, int64_t b, int64_t h, int64_t t) {
    return b * view.Batch + h * view.Head + t * view.Token;
  };
  std::vector<double> scores(c.Keys);
  for (int64_t b = 0; b < c.Batches; ++b)
    for (int64_t h = 0; h < c.Heads; ++h)
      for (int64_t t = 0; t < c.Tokens; ++t) {
        int64_t g = h / (c.Heads / c.KvHeads);
        double top = -INFINITY, total = 0;
        for (int64_t s = 0; s < c.Keys; ++s) {
          double dot = 0;
          for (int i = 0; i < KeyWidth; ++i)
            dot += number(q[place(params.QueryView, b, h, t) + i]) * number(k[place(params.KeyView, b, g, s) + i]);
          // In f32, where the lowest number swallows what is added to it.
          float biased = float(0.25 * dot) + (c.Mask ? mask[place(maskView, b, h, t) + s] : 0.0f);
          scores[s] = c.Causal && s > t + c.Keys - c.Tokens ? -INFINITY : double(biased);
          top = std::isnan(scores[s]) ? NAN : std::max(top, scores[s]);
        }
        for (double &score : scores)
          total += score = top == -INFINITY ? 0 : std::exp(score - top);
        for (int i = 0; i < ValueWidth; ++i) {
          double sum = 0, size = 0;
          for (int64_t s = 0; s < c.Keys && total != 0; ++s) {
            double term = scores[s] / total * number(v[place(params.ValueView, b, g, s) + i]);
            sum += term;
            size += std::fabs(term);
          }
          want[place(params.OutView, b, h, t) + i] = sum;
          // Weights are rounded to the elements' type on tensor cores; scores up to 64 * 4 * 0.25 in f32.
          slack[place(params.OutView, b, h, t) + i] =
              size * (Rounding<Element> + accumulation(c.Keys) + 64 * accumulation(KeyWidth));
        }
      }
  suite.compare(title, got, want, slack);
}

template <class Element, class Output, int KeyWidth, int ValueWidth>
void runTiles(Suite &suite, const std::string &name, const Case &c) {
  runCase<AttentionTiles<Element, float, Output, KeyWidth, ValueWidth>, Element, Output, KeyWidth, ValueWidth>(
      suite, "tiles " + name, c);
}

template <class Element, class Output, int KeyWidth, int ValueWidth>
void runWarpgroups(Suite &suite, const std::string &name, const Case &c) {
  runCase<AttentionTilesSm90<Element, float, Output, KeyWidth, ValueWidth>, Element, Output, KeyWidth, ValueWidth>(
      suite, "warpgroups " + name, c);
}

/// Texts of these lengths, behind them rows of none.
template <class Kernel, class Element, class Output, int KeyWidth, int ValueWidth>
void runRagged(Suite &suite, const std::string &name, const std::vector<int32_t> &lengths, int64_t padding,
               int64_t heads, int64_t kvHeads, bool causal) {
  std::vector<int32_t> offsets = {0};
  for (int32_t length : lengths)
    offsets.push_back(offsets.back() + length);
  int64_t rows = offsets.back() + padding;
  auto q = randomVector<Element>(rows * heads * KeyWidth, -2, 2);
  auto k = randomVector<Element>(rows * kvHeads * KeyWidth, -2, 2);
  auto v = randomVector<Element>(rows * kvHeads * ValueWidth);
  Buffer<Element> deviceQ(q), deviceK(k), deviceV(v);
  Buffer<int32_t> deviceOffsets(offsets);
  auto out = Buffer<Output>::poisoned(rows * heads * ValueWidth);
  typename Kernel::Params params{.Query = deviceQ.data(),
                                 .Key = deviceK.data(),
                                 .Value = deviceV.data(),
                                 .RowOffsets = deviceOffsets.data(),
                                 .Out = out.data(),
                                 .Rows = rows,
                                 .Texts = int64_t(lengths.size()),
                                 .Heads = heads,
                                 .KvHeads = kvHeads,
                                 .KeyWidth = KeyWidth,
                                 .ValueWidth = ValueWidth,
                                 .Scale = 0.25f,
                                 .Causal = causal};
  std::string title = "ragged " + name + " " + std::to_string(lengths.size()) + " texts, " + std::to_string(rows) +
                      " rows, widths " + std::to_string(KeyWidth) + ", " + std::to_string(ValueWidth) +
                      (causal ? " causal" : "");
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, NoBody{}, blocks); });
  std::vector<double> want(out.size()), slack(out.size());
  for (size_t text = 0; text < lengths.size(); ++text)
    for (int64_t t = offsets[text]; t < offsets[text + 1]; ++t)
      for (int64_t h = 0; h < heads; ++h) {
        int64_t g = h / (heads / kvHeads), first = offsets[text], end = causal ? t + 1 : offsets[text + 1];
        std::vector<double> scores;
        double top = -INFINITY, total = 0;
        for (int64_t s = first; s < end; ++s) {
          double dot = 0;
          for (int i = 0; i < KeyWidth; ++i)
            dot += number(q[(t * heads + h) * KeyWidth + i]) * number(k[(s * kvHeads + g) * KeyWidth + i]);
          scores.push_back(0.25 * dot);
          top = std::max(top, scores.back());
        }
        for (double &score : scores)
          total += score = std::exp(score - top);
        for (int i = 0; i < ValueWidth; ++i) {
          double sum = 0, size = 0;
          for (int64_t s = first; s < end; ++s) {
            double term = scores[s - first] / total * number(v[(s * kvHeads + g) * ValueWidth + i]);
            sum += term;
            size += std::fabs(term);
          }
          want[(t * heads + h) * ValueWidth + i] = sum;
          slack[(t * heads + h) * ValueWidth + i] =
              size * (Rounding<Element> + accumulation(end - first) + 64 * accumulation(KeyWidth));
        }
      }
  suite.compare(title, got, want, slack);
}

template <class Element, class Output, int Width>
void raggedCases(Suite &suite, const std::string &name, const std::vector<int32_t> &lengths, int64_t padding) {
  for (bool causal : {false, true}) {
    runRagged<RaggedAttention<Element, Output>, Element, Output, Width, Width>(suite, "a warp a query " + name, lengths,
                                                                               padding, 2, 1, causal);
    runRagged<RaggedAttentionTiles<Element, Output, Width, Width>, Element, Output, Width, Width>(
        suite, "tiles " + name, lengths, padding, 2, 1, causal);
    if constexpr (Width == 64 || Width == 128)
      runRagged<RaggedAttentionTilesSm90<Element, Output, Width, Width>, Element, Output, Width, Width>(
          suite, "warpgroups " + name, lengths, padding, 2, 1, causal);
  }
}

template <class Element, class Output> void runScalar(Suite &suite, const std::string &name, const Case &c) {
  runCase<Attention<Element, float, Output>, Element, Output, 24, 40>(suite, "one warp a query " + name, c);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("attention", argc, argv);
  const Case all[] = {
      {1, 1, 1, 1, 1},
      {2, 3, 3, 5, 7, false},
      {1, 4, 2, 64, 32, true, false, 1},
      {2, 2, 1, 65, 33, true, false, 2},
      {1, 2, 2, 63, 95, false, true},
      {1, 2, 2, 40, 31, true, true, 2}, // the first queries see nothing
      {large(4, 1), large(12, 2), large(12, 2), 128, 128, true, false, 2},
  };
  for (const Case &c : all) {
    runScalar<float, float>(suite, "f32", c);
    runScalar<Half, float>(suite, "f16", c);
    runTiles<Half, Half, 64, 64>(suite, "f16", c);
    runTiles<BFloat16, float, 16, 48>(suite, "bf16", c);
    runTiles<Half, float, 128, 128>(suite, "f16", c);
    runWarpgroups<Half, Half, 64, 64>(suite, "f16", c);
    runWarpgroups<BFloat16, float, 128, 64>(suite, "bf16", c);
  }
  // Who sees a key of NaN gets NaN, nobody else.
  for (const Case &c : {Case{1, 2, 2, 5, 8, true, true, 0, 5}, Case{1, 1, 1, 2, 1, true, false, 0, 0}}) {
    runScalar<float, float>(suite, "f32 NaN", c);
    runTiles<Half, float, 64, 64>(suite, "f16 NaN", c);
    runWarpgroups<Half, float, 64, 64>(suite, "f16 NaN", c);
  }
  runWarpgroups<Half, Half, 64, 64>(suite, "f16", {1, 2, 1, 70, 140, true, false, 2});
  runWarpgroups<Half, float, 64, 128>(suite, "f16", {1, 1, 1, 130, 130, false, true, 1});
  raggedCases<Half, Half, 64>(suite, "f16", {3, 0, 65, 1}, 4);
  raggedCases<BFloat16, float, 128>(suite, "bf16", {7, 64}, 0);
  raggedCases<Half, float, 32>(suite, "f16", {130}, 1);
  return suite.finish();
}
