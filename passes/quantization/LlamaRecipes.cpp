#include "passes/quantization/LlamaRecipes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <map>
#include <set>

using namespace mlir;
using namespace lathe;

namespace {
struct LlamaRecipe {
  StringLiteral name, base;
};

/// The part that a weight has in a decoder. Only those that a recipe treats in its own way have a name.
enum class Part { Other, Kept, Table, Output, Query, Key, Value, JoinedAttention, AttentionOutput, Down };

/// What the rules ask of a whole model.
struct Decoder {
  std::set<int> layersOf[int(Part::Down) + 1];
  int64_t experts = 1, queryRows = 0, keyRows = 0;
  bool hasOutput = false;

  /// Query heads that share a key head.
  int64_t getSharing() const { return keyRows ? queryRows / keyRows : 1; }
};
} // namespace

static constexpr LlamaRecipe Recipes[] = {
    {"Q2_K", "q2_k"}, {"Q3_K_S", "q3_k"}, {"Q3_K_M", "q3_k"},   {"Q3_K_L", "q3_k"},
    {"Q4_0", "q4_0"}, {"Q4_1", "q4_1"},   {"Q4_K_S", "q4_k"},   {"Q4_K_M", "q4_k"},
    {"Q5_0", "q5_0"}, {"Q5_1", "q5_1"},   {"Q5_K_S", "q5_k"},   {"Q5_K_M", "q5_k"},
    {"Q6_K", "q6_k"}, {"Q8_0", "q8_0"},   {"IQ4_NL", "iq4_nl"}, {"IQ4_XS", "iq4_xs"}};

std::vector<StringRef> lathe::listLlamaRecipes() {
  std::vector<StringRef> names;
  for (const LlamaRecipe &recipe : Recipes)
    names.push_back(recipe.name);
  return names;
}

/// Names of GGUF files, then those of PyTorch's models.
static Part findPart(StringRef name) {
  static constexpr std::pair<StringLiteral, Part> Names[] = {{"ffn_gate_inp", Part::Kept},
                                                             {"position_embd.", Part::Kept},
                                                             {"token_types.", Part::Kept},
                                                             {"token_embd.", Part::Table},
                                                             {"attn_qkv.", Part::JoinedAttention},
                                                             {"attn_q.", Part::Query},
                                                             {"attn_k.", Part::Key},
                                                             {"attn_v.", Part::Value},
                                                             {"attn_output.", Part::AttentionOutput},
                                                             {"ffn_down", Part::Down},
                                                             {"embed_tokens.", Part::Table},
                                                             {"lm_head.", Part::Output},
                                                             {"qkv_proj.", Part::JoinedAttention},
                                                             {"q_proj.", Part::Query},
                                                             {"k_proj.", Part::Key},
                                                             {"v_proj.", Part::Value},
                                                             {"o_proj.", Part::AttentionOutput},
                                                             {"down_proj.", Part::Down}};
  if (name == "output.weight")
    return Part::Output;
  for (auto [word, part] : Names)
    if (name.contains(word))
      return part;
  return Part::Other;
}

bool lathe::isKeptByRecipes(StringRef name) { return findPart(name) == Part::Kept; }

/// The first number between dots: "blk.12.attn_q.weight", "model.layers.12.self_attn.q_proj.weight".
static int findLayer(StringRef name) {
  for (StringRef word : llvm::split(name, '.'))
    if (int layer; !word.getAsInteger(10, layer))
      return layer;
  return 0;
}

static Decoder describeDecoder(ArrayRef<QuantizableWeight> weights) {
  Decoder decoder;
  for (const QuantizableWeight &weight : weights) {
    Part part = findPart(weight.name);
    decoder.layersOf[int(part)].insert(findLayer(weight.name));
    decoder.hasOutput |= part == Part::Output;
    if (weight.shape.size() == 3)
      decoder.experts = std::max(decoder.experts, weight.shape[0]);
    else if (part == Part::Query)
      decoder.queryRows = weight.shape[0];
    else if (part == Part::Key)
      decoder.keyRows = weight.shape[0];
  }
  return decoder;
}

/// The first and last eighth of `count` layers, and each third between.
static bool usesMoreBits(int layer, int count) {
  return layer < count / 8 || layer >= 7 * count / 8 || (layer - count / 8) % 3 == 2;
}

static StringRef chooseOutput(StringRef base, const QuantizableWeight &weight) {
  constexpr int64_t LargeBlock = 256;
  bool fits = weight.shape.back() % LargeBlock == 0;
  return base == "q8_0" || (!fits && base.contains("_k")) ? "q8_0" : "q6_k";
}

static StringRef chooseValue(StringRef recipe, StringRef base, const Decoder &decoder, int layer, int count) {
  StringRef format = base;
  if (recipe == "Q2_K")
    format = decoder.getSharing() >= 4 ? "q4_k" : "q3_k";
  else if (recipe == "Q3_K_M")
    format = layer < 2 ? "q5_k" : "q4_k";
  else if (recipe == "Q3_K_L" || (recipe.starts_with("IQ4") && decoder.getSharing() >= 4))
    format = "q5_k";
  else if ((recipe == "Q4_K_M" || recipe == "Q5_K_M") && usesMoreBits(layer, count))
    format = "q6_k";
  else if (recipe == "Q4_K_S" && layer < 4)
    format = "q5_k";
  constexpr int LayersOf70B = 80; // whose heads share so much that finer values cost little
  if (count == LayersOf70B && decoder.getSharing() > 1 && (format == "q3_k" || format == "q4_k"))
    format = "q5_k";
  return decoder.experts == 8 ? "q8_0" : format;
}

static StringRef chooseDown(StringRef recipe, StringRef base, int layer, int count) {
  if (recipe == "Q2_K")
    return "q3_k";
  if (recipe == "Q3_K_M")
    return layer < count / 16 ? "q5_k" : "q4_k";
  if (recipe == "Q3_K_L")
    return "q5_k";
  if ((recipe == "Q4_K_M" || recipe == "Q5_K_M") && usesMoreBits(layer, count))
    return "q6_k";
  if ((recipe == "Q4_K_S" || recipe.starts_with("IQ4")) && layer < count / 8)
    return "q5_k";
  return base;
}

static StringRef chooseAttentionOutput(StringRef recipe, StringRef base, const Decoder &decoder) {
  if (decoder.experts == 8)
    return llvm::is_contained({"Q2_K", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S", "Q4_K_M", "IQ4_XS"}, recipe) ? "q5_k"
                                                                                                            : base;
  return llvm::StringSwitch<StringRef>(recipe)
      .Case("Q2_K", "q3_k")
      .Case("Q3_K_M", "q4_k")
      .Case("Q3_K_L", "q5_k")
      .Default(base);
}

static StringRef chooseJoinedAttention(StringRef recipe, StringRef base) {
  return llvm::StringSwitch<StringRef>(recipe)
      .Cases({"Q3_K_M", "Q3_K_L"}, "q4_k")
      .Case("Q4_K_M", "q5_k")
      .Case("Q5_K_M", "q6_k")
      .Default(base);
}

static StringRef choose(StringRef recipe, StringRef base, const Decoder &decoder, const QuantizableWeight &weight) {
  Part part = findPart(weight.name);
  // Layers are counted among those that have such a weight.
  const std::set<int> &layers = decoder.layersOf[int(part)];
  int layer = int(std::distance(layers.begin(), layers.find(findLayer(weight.name)))), count = int(layers.size());
  switch (part) {
  case Part::Kept:
    return "";
  case Part::Output:
    return chooseOutput(base, weight);
  case Part::Table: // it is the output too where there is no other
    return decoder.hasOutput ? base : chooseOutput(base, weight);
  case Part::Value:
    return chooseValue(recipe, base, decoder, layer, count);
  case Part::Key:
    return decoder.experts == 8 ? "q8_0" : base;
  case Part::Down:
    return chooseDown(recipe, base, layer, count);
  case Part::AttentionOutput:
    return chooseAttentionOutput(recipe, base, decoder);
  case Part::JoinedAttention:
    return chooseJoinedAttention(recipe, base);
  case Part::Query:
  case Part::Other:
    return base;
  }
  llvm_unreachable("all parts have a case");
}

std::vector<std::string> lathe::chooseByLlamaRecipe(StringRef recipe, ArrayRef<QuantizableWeight> weights) {
  const LlamaRecipe *known = llvm::find_if(Recipes, [&](const LlamaRecipe &entry) { return entry.name == recipe; });
  assert(known != std::end(Recipes) && "the caller names a recipe of the list");
  Decoder decoder = describeDecoder(weights);
  std::vector<std::string> formats;
  for (const QuantizableWeight &weight : weights)
    formats.push_back(choose(recipe, known->base, decoder, weight).str());
  return formats;
}

StringRef lathe::findFallbackFormat(StringRef format) {
  return llvm::StringSwitch<StringRef>(format)
      .Cases({"q2_k", "q3_k", "iq4_xs"}, "iq4_nl")
      .Case("q4_k", "q5_0")
      .Case("q5_k", "q5_1")
      .Case("q6_k", "q8_0")
      .Default("");
}
