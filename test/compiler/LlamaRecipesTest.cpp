// Which weights the recipes of llama.cpp give another format than most, in a decoder of 32 layers.
#include "passes/quantization/LlamaRecipes.h"

#include <gtest/gtest.h>

#include <map>

using namespace lathe;

namespace {

constexpr int Layers = 32;

/// A decoder with 32 query heads for 8 of keys, with its formats by `recipe`.
std::map<std::string, std::string> choose(llvm::StringRef recipe, bool hasOutput = true, int64_t experts = 1) {
  std::vector<QuantizableWeight> weights = {{"token_embd.weight", {1024, 4096}}};
  if (hasOutput)
    weights.push_back({"output.weight", {1024, 4096}});
  for (int layer = 0; layer != Layers; ++layer) {
    std::string prefix = "blk." + std::to_string(layer) + ".";
    weights.push_back({prefix + "attn_q.weight", {4096, 4096}});
    weights.push_back({prefix + "attn_k.weight", {1024, 4096}});
    weights.push_back({prefix + "attn_v.weight", {1024, 4096}});
    weights.push_back({prefix + "attn_output.weight", {4096, 4096}});
    weights.push_back({prefix + "ffn_up.weight", {14336, 4096}});
    if (experts == 1) {
      weights.push_back({prefix + "ffn_down.weight", {4096, 14336}});
    } else {
      weights.push_back({prefix + "ffn_gate_inp.weight", {experts, 4096}});
      weights.push_back({prefix + "ffn_down_exps.weight", {experts, 4096, 14336}});
    }
  }
  std::vector<std::string> formats = chooseByLlamaRecipe(recipe, weights);
  std::map<std::string, std::string> map;
  for (size_t i = 0; i != weights.size(); ++i)
    map[weights[i].name] = formats[i];
  return map;
}

/// The layers whose weight of this kind has this format.
std::vector<int> findLayers(const std::map<std::string, std::string> &formats, const std::string &kind,
                            const std::string &format) {
  std::vector<int> layers;
  for (int layer = 0; layer != Layers; ++layer)
    if (formats.at("blk." + std::to_string(layer) + "." + kind + ".weight") == format)
      layers.push_back(layer);
  return layers;
}

const std::vector<int> MoreBits = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31};
const std::vector<int> FirstTwo = {0, 1}, FirstFour = {0, 1, 2, 3};

TEST(LlamaRecipes, MediumMixesSpendOnValuesAndDownProjections) {
  for (auto [recipe, base] : {std::pair("Q4_K_M", "q4_k"), {"Q5_K_M", "q5_k"}}) {
    auto formats = choose(recipe);
    EXPECT_EQ(formats["token_embd.weight"], base);
    EXPECT_EQ(formats["output.weight"], "q6_k");
    EXPECT_EQ(findLayers(formats, "attn_v", "q6_k"), MoreBits);
    EXPECT_EQ(findLayers(formats, "ffn_down", "q6_k"), MoreBits);
    EXPECT_EQ(findLayers(formats, "attn_k", base).size(), size_t(Layers));
    EXPECT_EQ(findLayers(formats, "ffn_up", base).size(), size_t(Layers));
  }
  auto formats = choose("Q3_K_M");
  EXPECT_EQ(findLayers(formats, "attn_v", "q5_k"), FirstTwo);
  EXPECT_EQ(findLayers(formats, "attn_v", "q4_k").size(), size_t(Layers - 2));
  EXPECT_EQ(findLayers(formats, "ffn_down", "q5_k"), FirstTwo);
  EXPECT_EQ(findLayers(formats, "attn_output", "q4_k").size(), size_t(Layers));
  EXPECT_EQ(findLayers(formats, "attn_q", "q3_k").size(), size_t(Layers));
}

TEST(LlamaRecipes, SmallMixesSpendOnTheFirstLayers) {
  auto formats = choose("Q4_K_S");
  EXPECT_EQ(findLayers(formats, "attn_v", "q5_k"), FirstFour);
  EXPECT_EQ(findLayers(formats, "ffn_down", "q5_k"), FirstFour);
  EXPECT_EQ(findLayers(choose("Q2_K"), "attn_v", "q4_k").size(), size_t(Layers)) << "4 query heads share values";
}

TEST(LlamaRecipes, TheTableIsTheOutputWhereThereIsNoOther) {
  EXPECT_EQ(choose("Q4_K_M", /*hasOutput=*/false)["token_embd.weight"], "q6_k");
  EXPECT_EQ(choose("Q8_0", /*hasOutput=*/false)["token_embd.weight"], "q8_0");
  EXPECT_EQ(choose("Q4_0")["output.weight"], "q6_k");
}

TEST(LlamaRecipes, EightExperts) {
  auto formats = choose("Q4_K_M", true, 8);
  EXPECT_EQ(findLayers(formats, "attn_v", "q8_0").size(), size_t(Layers));
  EXPECT_EQ(findLayers(formats, "attn_k", "q8_0").size(), size_t(Layers));
  EXPECT_EQ(findLayers(formats, "attn_output", "q5_k").size(), size_t(Layers));
  EXPECT_EQ(findLayers(formats, "ffn_down_exps", "q6_k"), MoreBits);
  EXPECT_EQ(findLayers(formats, "ffn_gate_inp", "").size(), size_t(Layers)) << "routers are kept";
}

TEST(LlamaRecipes, NamesOfPyTorchMeanTheSame) {
  std::vector<QuantizableWeight> weights = {{"lm_head.weight", {512, 256}},
                                            {"model.layers.0.self_attn.v_proj.weight", {256, 256}},
                                            {"model.layers.0.self_attn.o_proj.weight", {256, 256}}};
  EXPECT_EQ(chooseByLlamaRecipe("Q3_K_M", weights), (std::vector<std::string>{"q6_k", "q5_k", "q4_k"}));
}

TEST(LlamaRecipes, Fallbacks) {
  EXPECT_EQ(findFallbackFormat("q4_k"), "q5_0");
  EXPECT_EQ(findFallbackFormat("q6_k"), "q8_0");
  EXPECT_EQ(findFallbackFormat("q8_0"), "");
}

} // namespace
