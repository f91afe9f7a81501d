// Attention over pages whose keys begin with their values, against softmax written out in f64.
#include "PagedCases.h"
#include "latent_attention_sm90.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

template <class Element, class State, class Output, class Shape, int Cluster>
void latentCases(Suite &suite, const std::string &name) {
  const Batch batches[] = {
      {.Sequences = {{1, 1}}},
      {.Sequences = {{1, 15}, {1, 64}, {1, 65}, {1, 0}, {2, 31}}, .PaddedTokens = 2},
      {.Sequences = {{17, 17}, {1, 63}, {0, 0}, {5, 333}}, .PaddedTokens = 3, .Sinks = true},
      {.Sequences = {{1, 300}, {9, 181}, {1, 1}}, .Window = 138, .SoftCap = 3},
      {.Sequences = {{1, large(3000, 900)}, {2, 0}, {3, 129}}},
  };
  for (const Batch &batch : batches)
    runFastCase<LatentAttentionSm90<Element, State, Output, Shape, Cluster>, Element, State, Output, Shape>(
        suite, name + " cluster " + std::to_string(Cluster), batch);
}

/// Kernels of all pages and widths, where keys are shared.
template <class Query, class State, class Output, class Shape> void otherCases(Suite &suite, const std::string &name) {
  const Batch batches[] = {
      {.Sequences = {{1, 15}, {1, 16}, {1, 17}, {1, 0}, {2, 31}}, .PaddedTokens = 2},
      {.Sequences = {{17, 17}, {1, 64}, {0, 0}, {5, 133}}, .Window = 20},
  };
  for (const Batch &batch : batches) {
    if constexpr (!IsSame<State, float> && Shape::StoredWidth % 16 == 0 && Shape::ValueWidth % 16 == 0) {
      runFastCase<PagedAttentionDecode<Query, State, Output, Shape, 4>, Query, State, Output, Shape>(
          suite, name + " decode", batch);
      runFastCase<PagedAttentionDecode<Query, State, Output, Shape, 8, 8, true>, Query, State, Output, Shape>(
          suite, name + " lean decode", batch);
    }
    runPlainCase<Query, State, Output, Shape>(suite, name, batch);
  }
}

template <int Heads> void time(Suite &suite) {
  using B = BFloat16;
  using Shape = AttentionShape<Heads, 1, 576, 512, true>;
  std::string name = "bf16 " + std::to_string(Heads) + "x576/512 ";
  timeFast<LatentAttentionSm90<B, B, B, Shape, 8>, Shape>(suite, name + "cluster 8", 1, 1, 4096);
  timeFast<LatentAttentionSm90<B, B, B, Shape, 8>, Shape>(suite, name + "cluster 8", 8, 1, 4096);
  timeFast<LatentAttentionSm90<B, B, B, Shape, 8>, Shape>(suite, name + "cluster 8", 1, 1, 32768);
  timeFast<LatentAttentionSm90<B, B, B, Shape, 4>, Shape>(suite, name + "cluster 4", 32, 1, 4096);
  timeFast<LatentAttentionSm90<B, B, B, Shape, 2>, Shape>(suite, name + "cluster 2", 64, 1, 4096);
  timeFast<LatentAttentionSm90<B, B, B, Shape, 1>, Shape>(suite, name + "alone", 128, 1, 2048);
  timeFast<LatentAttentionSm90<B, B, B, Shape, 1>, Shape>(suite, name + "alone", 1, 2048, 2048);
  timeFast<LatentAttentionSm90<B, B, B, Shape, 1>, Shape>(suite, name + "alone", 1, 512, 8192);
  timeFast<PagedAttentionDecode<B, B, B, Shape, 4>, Shape>(suite, name + "4 warps", 8, 1, 4096);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("latent_attention", argc, argv);
  latentCases<BFloat16, BFloat16, BFloat16, AttentionShape<16, 1, 576, 512, true>, 1>(suite, "bf16 16x576/512");
  latentCases<BFloat16, BFloat16, BFloat16, AttentionShape<128, 1, 576, 512, true>, 4>(suite, "bf16 128x576/512");
  latentCases<Half, Half, float, AttentionShape<20, 1, 288, 256, true>, 2>(suite, "f16 20x288/256");
  latentCases<Half, Half, Half, AttentionShape<6, 2, 144, 128, true>, 1>(suite, "f16 6/2x144/128");
  latentCases<Half, Float8, Half, AttentionShape<40, 1, 576, 512, true>, 2>(suite, "f16*fp8 40x576/512");
  latentCases<BFloat16, Q8Block, BFloat16, AttentionShape<16, 1, 160, 128, true>, 1>(suite, "bf16*q8_0 16x160/128");
  otherCases<BFloat16, BFloat16, float, AttentionShape<20, 1, 576, 512, true>>(suite, "bf16 20x576/512");
  otherCases<Half, Half, Half, AttentionShape<6, 2, 48, 32, true>>(suite, "f16 6/2x48/32");
  otherCases<float, BFloat16, float, AttentionShape<4, 1, 96, 48, true>>(suite, "f32*bf16 4x96/48");
  otherCases<float, float, float, AttentionShape<4, 2, 30, 18, true>>(suite, "f32 4/2x30/18");
  otherCases<Half, Q8Block, Half, AttentionShape<4, 1, 96, 64, true>>(suite, "f16*q8_0 4x96/64");
  time<16>(suite);
  time<128>(suite);
  return suite.finish();
}
