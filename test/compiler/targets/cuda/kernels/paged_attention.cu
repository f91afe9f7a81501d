// Attention over pages against softmax written out in f64, on ragged batches of decode, prefill and padding.
#include "PagedCases.h"
#include "paged_attention_decode_sm90.cuh"
#include "paged_attention_prefill_sm90.cuh"
#include "paged_attention_rings_sm90.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

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

/// Rings of pages: a block has several items, and warps have none, some and more pages than a ring holds.
template <class Query, class State, class Output, class Shape> void ringCases(Suite &suite, const std::string &name) {
  fastCases<PagedAttentionRingsSm90<Query, State, Output, Shape, 5, IsSame<State, Float8> ? 3 : 2>, Query, State,
            Output, Shape>(suite, name + " rings");
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
  if constexpr (!Shape::Shared && Shape::KeyWidth <= 128)
    fastCases<PagedAttentionDecodeCluster<Query, State, Output, Shape, 4, 8, Stored, 3>, Query, State, Output, Shape>(
        suite, name + " decode cluster with rings");
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
    runPlainCase<Query, State, Output, Shape>(suite, name, batch);
  runPlainCase<Query, State, Output, Shape>(suite, name, {.Sequences = {{1, large(20001, 401)}}, .Splits = 7});
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

template <class Shape> void timeTensorCores(Suite &suite) {
  using B = BFloat16;
  for (int64_t length : {512, 4096, 32768}) {
    timeFast<PagedAttentionDecode<B, B, B, Shape, 4>, Shape>(suite, "bf16 32/8x128 4 warps", 1, 1, length);
    timeFast<PagedAttentionDecode<B, B, B, Shape, 8>, Shape>(suite, "bf16 32/8x128 8 warps", 1, 1, length);
#ifndef LATHE_EMULATED
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 4, 8>, Shape>(suite, "bf16 32/8x128 4 warps x 8", 1, 1,
                                                                       length);
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 8, 8>, Shape>(suite, "bf16 32/8x128 8 warps x 8", 1, 1,
                                                                       length);
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 4, 4>, Shape>(suite, "bf16 32/8x128 4 warps x 4", 8, 1,
                                                                       length);
#endif
  }
  for (auto [sequences, length] : {std::pair<int64_t, int64_t>{64, 1024}, {64, 4096}, {256, 1024}}) {
    timeFast<PagedAttentionDecode<B, B, B, Shape, 4>, Shape>(suite, "bf16 32/8x128 4 warps", sequences, 1, length);
    timeFast<PagedAttentionDecode<B, B, B, Shape, 8>, Shape>(suite, "bf16 32/8x128 8 warps", sequences, 1, length);
#ifndef LATHE_EMULATED
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 4, 2>, Shape>(suite, "bf16 32/8x128 4 warps x 2", sequences, 1,
                                                                       length);
    timeFast<PagedAttentionDecodeCluster<B, B, B, Shape, 4, 4>, Shape>(suite, "bf16 32/8x128 4 warps x 4", sequences, 1,
                                                                       length);
#endif
    timeFast<PagedAttentionPrefill<B, B, B, Shape>, Shape>(suite, "bf16 32/8x128 any rows", sequences, 1, length);
  }
  for (int64_t tokens : {512, 2048, 8192})
    timeFast<PagedAttentionPrefill<B, B, B, Shape>, Shape>(suite, "bf16 32/8x128 any rows", 1, tokens, tokens),
        timeFast<PagedAttentionPrefillSm90<B, B, Shape>, Shape>(suite, "bf16 32/8x128 warpgroups", 1, tokens, tokens);
  timeFast<PagedAttentionPrefillSm90<B, B, Shape>, Shape>(suite, "bf16 32/8x128 warpgroups", 1, 512, 8192);
  timeFast<PagedAttentionPrefill<B, B, B, Shape>, Shape>(suite, "bf16 32/8x128 any rows", 1, 512, 8192);
}

template <class Shape> void timeWide(Suite &suite, const std::string &name) {
  using B = BFloat16;
  for (int64_t tokens : {2048, 8192}) {
    timeFast<PagedAttentionPrefill<B, B, B, Shape>, Shape>(suite, name + " any rows", 1, tokens, tokens);
    timeFast<PagedAttentionPrefillSm90<B, B, Shape>, Shape>(suite, name + " warpgroups", 1, tokens, tokens);
  }
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
  warpgroupCases<Half, Half, AttentionShape<2, 1, 256, 256>>(suite, "f16 2/1x256 warpgroups");
  warpgroupCases<BFloat16, float, AttentionShape<3, 3, 192, 128>>(suite, "bf16 3/3x192/128 warpgroups");
  warpgroupCases<BFloat16, BFloat16, AttentionShape<4, 2, 80, 176>>(suite, "bf16 4/2x80/176 warpgroups");
  warpgroupCases<Half, Half, AttentionShape<2, 2, 112, 96>>(suite, "f16 2/2x112/96 warpgroups");
  warpgroupCases<BFloat16, BFloat16, AttentionShape<1, 1, 16, 48>>(suite, "bf16 1/1x16/48 warpgroups");
  ringCases<BFloat16, BFloat16, BFloat16, AttentionShape<8, 2, 128, 128>>(suite, "bf16 8/2x128");
  ringCases<Half, Half, float, AttentionShape<12, 1, 64, 80>>(suite, "f16 12/1x64/80");
  ringCases<Half, Float8, Half, AttentionShape<3, 1, 80, 112>>(suite, "f16*fp8 3/1x80/112");
  ringCases<BFloat16, Float8, BFloat16, AttentionShape<4, 2, 128, 128>>(suite, "bf16*fp8 4/2x128");
  ringCases<Half, Q8Block, Half, AttentionShape<4, 1, 128, 128>>(suite, "f16*q8_0 4/1x128");
  ringCases<BFloat16, Q8Block, BFloat16, AttentionShape<6, 3, 64, 96>>(suite, "bf16*q8_0 6/3x64/96");
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
  timeWide<AttentionShape<16, 8, 256, 256>>(suite, "bf16 16/8x256");
  timeWide<AttentionShape<32, 8, 192, 192>>(suite, "bf16 32/8x192");
  timeWide<AttentionShape<32, 32, 96, 96>>(suite, "bf16 32/32x96");
  timeWide<AttentionShape<32, 8, 80, 80>>(suite, "bf16 32/8x80");
  using Shape = AttentionShape<32, 8, 128, 128>;
  timeTensorCores<Shape>(suite);
  for (int64_t length : {512, 4096, 32768}) {
    time<Shape>(suite, 1, length, length / 256);
    time<Shape>(suite, 64, length, 1);
  }
  return suite.finish();
}
