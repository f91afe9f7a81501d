// What becomes of a file's parts, and what is said of files that cannot be imported.
#include "test/frontends/gguf/TinyModel.h"

#include <set>

using namespace lathe;
using namespace lathe::test;

namespace {

testing::AssertionResult holds(const std::string &module, const std::string &part) {
  if (module.find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not in\n" << module;
}

TEST(Import, NamesEntryAndModule) {
  std::string module = import(TinyModel::llama());
  EXPECT_TRUE(holds(module, "lathe.architecture = \"llama\""));
  EXPECT_TRUE(holds(module, "lathe.format = \"gguf\", lathe.name = \"tiny\""));
  EXPECT_TRUE(holds(module, "func.func @forward(%arg0: tensor<?xi32> {lathe.dims = [\"tokens\"], "
                            "lathe.name = \"tokens\", lathe.role = \"tokens\"}"));
  EXPECT_TRUE(holds(module, "!lathe.state<paged, 1x2x32xf32> {lathe.name = \"kv\", lathe.role = \"state\"}) -> "
                            "(tensor<?x8xf32> {lathe.dims = [\"rows\", 8], lathe.name = \"logits\", "
                            "lathe.role = \"logits\"}"));
  EXPECT_TRUE(holds(module, "lathe.entry = \"language_model\", lathe.symbols = [#lathe.symbol<\"tokens\", 1, 512>, "
                            "#lathe.symbol<\"sequences\", 1, 64>, #lathe.symbol<\"offsets\", 2, 65>, "
                            "#lathe.symbol<\"pages\", 1, 7>, #lathe.symbol<\"rows\", 1, 64>]"));
}

TEST(Import, TakesBoundsFromOptions) {
  GgufImportOptions options;
  options.contextLength = 33;
  options.dims["tokens"] = {1, 8};
  options.dims["sequences"] = {2, 4};
  EXPECT_TRUE(holds(import(TinyModel::llama(), options),
                    "[#lathe.symbol<\"tokens\", 1, 8>, #lathe.symbol<\"sequences\", 2, 4>, "
                    "#lathe.symbol<\"offsets\", 3, 5>, #lathe.symbol<\"pages\", 1, 3>, "
                    "#lathe.symbol<\"rows\", 1, 4>]"));
}

// Layers with a window keep their keys and values in a state of its length, with a block table of its own. A window
// that no text is longer than is none.
TEST(Import, GivesWindowsStatesOfTheirOwn) {
  TinyModel model = TinyModel::llama();
  model.integers["llama.attention.sliding_window"] = 24;
  std::string module = import(model);
  EXPECT_TRUE(holds(module, "!lathe.state<paged, 1x2x32xf32, window = 24> {lathe.name = \"window_kv\", "
                            "lathe.role = \"state\"}"));
  EXPECT_TRUE(holds(module, "lathe.role = \"window_block_tables\""));
  EXPECT_TRUE(holds(module, "lathe.role = \"window_slots\""));
  EXPECT_FALSE(holds(module, "lathe.role = \"block_tables\""));
  GgufImportOptions options;
  options.contextLength = 24;
  module = import(model, options);
  EXPECT_TRUE(holds(module, "!lathe.state<paged, 1x2x32xf32> {lathe.name = \"kv\", lathe.role = \"state\"}"));
  EXPECT_FALSE(holds(module, "window_"));
}

TEST(Import, NamesEncoders) {
  std::string module = import(TinyModel::bert());
  EXPECT_TRUE(holds(module, "lathe.encoder = {max_tokens = 100 : i64, pooling = \"cls\"}"));
  EXPECT_TRUE(holds(module, "func.func @encode(%arg0: tensor<?xi32> {lathe.dims = [\"tokens\"], "));
  EXPECT_TRUE(holds(module, "-> (tensor<?x64xf32> {lathe.dims = [\"tokens\", 64], lathe.name = \"hidden_states\", "
                            "lathe.role = \"hidden_states\"})"));
  EXPECT_TRUE(holds(module, "lathe.entry = \"encoder\", lathe.symbols = [#lathe.symbol<\"tokens\", 1, 512>, "
                            "#lathe.symbol<\"offsets\", 2, 65>]"));
  EXPECT_TRUE(holds(module, "scale 2.500000e-01 : tensor<?x4x16xf32>"));
}

// A decoder whose file names a pooling is one too, and any with the option; its rows see what is before them.
TEST(Import, MakesEncodersOfDecoders) {
  TinyModel model = TinyModel::llama();
  model.integers["llama.pooling_type"] = 3;
  std::string named = import(model);
  EXPECT_TRUE(holds(named, "lathe.encoder = {max_tokens = 100 : i64, pooling = \"last\"}"));
  EXPECT_TRUE(holds(named, "scale 2.500000e-01 causal :"));
  EXPECT_FALSE(holds(named, "lathe.state"));
  GgufImportOptions options;
  options.embeddings = true;
  options.contextLength = 10;
  EXPECT_TRUE(
      holds(import(TinyModel::llama(), options), "lathe.encoder = {max_tokens = 10 : i64, pooling = \"none\"}"));
}

TEST(Import, KeepsQuantizedWeightsAndCastsPlainOnes) {
  TinyModel model = TinyModel::llama();
  model.tensors["blk.0.attn_k.weight"].format = 30; // bf16
  std::string module = import(model);
  EXPECT_TRUE(holds(module, "bytes 4352 : tensor<64x64x!lathe.gguf<q8_0>>"));
  EXPECT_TRUE(holds(module, "tensor<?x64xf32>, tensor<64x64x!lathe.gguf<q8_0>> -> tensor<?x64xf32>"));
  EXPECT_TRUE(holds(module, ": tensor<32x64xbf16> -> tensor<32x64xf32>"));
  // The table is gathered from as it is stored.
  EXPECT_TRUE(holds(module, "tensor<8x64xf16>, tensor<?xi32> -> tensor<?x64xf32>"));
}

TEST(Import, MapsMetadataToAttributes) {
  TinyModel model = TinyModel::llama();
  model.numbers["llama.attention.scale"] = 0.5f;
  model.integers["llama.rope.dimension_count"] = 8;
  std::string module = import(model);
  EXPECT_TRUE(holds(module, "adjacent base 5.000000e+02 dimensions 8 :"));
  EXPECT_TRUE(holds(module, "layer 0 scale 5.000000e-01 :"));
  EXPECT_TRUE(holds(module, "epsilon 2.500000e-01 :"));
}

TEST(Import, TakesWidthsOfKeysAndValues) {
  TinyModel model = TinyModel::llama();
  model.integers["llama.attention.key_length"] = 16;
  model.integers["llama.attention.value_length"] = 8;
  model.arrays["llama.attention.head_count_kv"] = {2};
  model.integers.erase("llama.attention.head_count_kv");
  model.tensors["blk.0.attn_v.weight"].dimensions = {64, 16};
  model.tensors["blk.0.attn_output.weight"].dimensions = {32, 64};
  std::string module = import(model);
  EXPECT_TRUE(holds(module, "!lathe.state<paged, 1x2x24xf32>"));
  EXPECT_TRUE(holds(module, "shape [0, 32] : tensor<?x4x8xf32> -> tensor<?x32xf32>"));
}

TEST(Import, TiesMissingOutputToEmbeddings) {
  TinyModel model = TinyModel::llama();
  model.tensors.erase("output.weight");
  EXPECT_TRUE(holds(import(model), ": tensor<8x64xf16> -> tensor<8x64xf32>"));
}

TEST(Import, UsesFactorsAndBiasesWhereTheFileHasThem) {
  EXPECT_FALSE(holds(import(TinyModel::llama()), "factors"));
  TinyModel model = TinyModel::llama();
  model.tensors["rope_freqs.weight"] = {{8}, 0};
  model.tensors["blk.0.attn_q.bias"] = {{64}, 0};
  std::string module = import(model);
  EXPECT_TRUE(holds(module, " factors "));
  EXPECT_TRUE(holds(module, "tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>"));
}

TEST(Import, MarksOperationsWithTensorAndFile) {
  mlir::MLIRContext context;
  auto module = importGguf(context, TinyModel::llama().write());
  ASSERT_TRUE(succeeded(module));
  std::set<std::string> names;
  module->get().walk([&](mlir::Operation *op) {
    if (auto location = mlir::dyn_cast<mlir::NameLoc>(op->getLoc())) {
      names.insert(location.getName().str());
      EXPECT_TRUE(mlir::isa<mlir::FileLineColLoc>(location.getChildLoc()));
    } else {
      EXPECT_TRUE(mlir::isa<mlir::ModuleOp>(op)) << op->getName().getStringRef().str();
    }
  });
  EXPECT_TRUE(names.contains("blk.0.attn_q.weight") && names.contains("blk.0.ffn"));
}

} // namespace
