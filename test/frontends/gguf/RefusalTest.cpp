// What is said of files that cannot be imported, word for word.
#include "test/frontends/gguf/TinyModel.h"

using namespace lathe;
using namespace lathe::test;

namespace {

TEST(Refusal, UnknownArchitecture) {
  TinyModel model = TinyModel::llama();
  model.strings["general.architecture"] = "mamba";
  EXPECT_EQ(import(model),
            "architecture is 'mamba', which cannot be imported; supported are bert, command-r, "
            "deepseek2, falcon, gemma, gemma2, gemma3, glm4, gpt-oss, granite, llama, nomic-bert, olmo2, phi3, qwen2, "
            "qwen3, qwen3moe, smollm3, stablelm, starcoder2\n");
  model.strings.erase("general.architecture");
  EXPECT_EQ(import(model), "metadata 'general.architecture' is missing or no string; this file holds no model\n");
}

TEST(Refusal, VocabularyAlone) {
  TinyModel model = TinyModel::llama();
  model.tensors.clear();
  EXPECT_EQ(import(model), "holds no tensors, so there is nothing to compile; a vocabulary alone is read by 'lathe "
                           "tokenize'\n");
}

TEST(Refusal, UnreadableFile) {
  mlir::MLIRContext context;
  std::string text;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { text = diagnostic.str(); });
  EXPECT_TRUE(failed(importGguf(context, "absent.gguf")));
  EXPECT_EQ(text, "absent.gguf: cannot be opened: No such file or directory");
}

TEST(Refusal, MetadataMissingOrOfWrongType) {
  TinyModel model = TinyModel::llama();
  model.integers.erase("llama.embedding_length");
  model.integers.erase("llama.block_count");
  model.strings["llama.block_count"] = "one";
  model.strings["llama.attention.scale"] = "half";
  model.strings["llama.attention.head_count"] = "four";
  model.integers.erase("llama.attention.head_count");
  model.integers["llama.rope.scaling.type"] = 1;
  // The sizes that follow from them are not held against anything.
  EXPECT_EQ(import(model), "metadata 'llama.embedding_length' is missing; convert the model again\n"
                           "metadata 'llama.block_count' is of type string, needed an integer\n"
                           "metadata 'llama.attention.head_count' is of type string, needed an integer\n"
                           "metadata 'llama.attention.scale' is of type string, needed a number\n"
                           "metadata 'llama.rope.scaling.type' is of type u32, needed a string\n");
}

TEST(Refusal, SizesOutOfRange) {
  TinyModel model = TinyModel::llama();
  model.integers["llama.context_length"] = 0;
  model.integers["llama.block_count"] = 4000000000u;
  model.integers["llama.feed_forward_length"] = 1u << 30;
  model.integers["llama.attention.head_count_kv"] = 3;
  model.integers["llama.rope.dimension_count"] = 15;
  model.numbers["llama.rope.freq_base"] = 0;
  model.numbers["llama.attention.layer_norm_rms_epsilon"] = -1;
  EXPECT_EQ(import(model), "'llama.context_length' is 0, needed 1 to 2147483647\n"
                           "'llama.block_count' is 4000000000, needed 1 to 12\n"
                           "'llama.feed_forward_length' is 1073741824, needed 1 to 1048576\n"
                           "'llama.rope.dimension_count' is 15, needed an even number\n"
                           "'llama.attention.head_count' is 4, needed a multiple of "
                           "'llama.attention.head_count_kv', which is 3\n"
                           "'llama.rope.freq_base' is 0, needed a number above 0\n"
                           "'llama.attention.layer_norm_rms_epsilon' is -1, needed a number above 0\n");
}

TEST(Refusal, WhatTheArchitectureDoesNotDo) {
  TinyModel model = TinyModel::llama();
  model.integers["llama.expert_count"] = 8;
  model.integers["llama.expert_used_count"] = 9;
  model.integers["llama.expert_group_count"] = 3;
  model.integers["llama.expert_gating_func"] = 4;
  model.integers["llama.attention.sliding_window"] = 4000000000u;
  model.strings["llama.rope.scaling.type"] = "su";
  model.numbers["llama.rope.scaling.factor"] = -4;
  EXPECT_EQ(import(model), "'llama.expert_used_count' is 9, needed 1 to 8\n"
                           "'llama.expert_count' is 8, needed a multiple of 'llama.expert_group_count', which is 3\n"
                           "metadata 'llama.expert_gating_func' is 4, needed 1 (softmax), 2 (sigmoid) or 3 (softmax of "
                           "the selected)\n"
                           "'llama.attention.sliding_window' is 4000000000, needed 0 to 2147483647\n"
                           "'llama.rope.scaling.factor' is -4, needed a number above 0\n");
  model = TinyModel::llama();
  model.strings["llama.rope.scaling.type"] = "su";
  EXPECT_EQ(import(model),
            "metadata 'llama.rope.scaling.type' is 'su', only 'none', 'linear', 'yarn' and 'longrope' are "
            "supported\n");
}

TEST(Refusal, LayersThatDiffer) {
  TinyModel model = TinyModel::llama();
  model.integers.erase("llama.feed_forward_length");
  model.arrays["llama.feed_forward_length"] = {32, 64};
  EXPECT_EQ(import(model), "metadata 'llama.feed_forward_length' is 32 for layer 0 but 64 for layer 1; only models "
                           "whose layers are alike are supported\n");
}

TEST(Refusal, TensorsAllAtOnce) {
  TinyModel model = TinyModel::llama();
  model.tensors.erase("blk.0.attn_q.weight");
  model.tensors["blk.0.ffn_down.weight"].dimensions = {32, 65};
  model.tensors["blk.0.ffn_norm.weight"].format = 8;
  model.tensors["blk.0.ffn_up.weight"].format = 24;
  model.tensors["blk.0.ffn_gate_inp.weight"] = {{8}, 0};
  EXPECT_EQ(import(model),
            "tensor 'blk.0.attn_q.weight' of shape [64, 64] is missing\n"
            "tensor 'blk.0.ffn_norm.weight' of one dimension is stored as q8_0, needed f32, f16 or bf16\n"
            "tensor 'blk.0.ffn_up.weight' is stored as i8, which is not supported for weights; supported are f32, f16, "
            "bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q8_1, q2_k, q3_k, q4_k, q5_k, q6_k, q8_k, iq2_xxs, iq2_xs, iq3_xxs, "
            "iq1_s, iq4_nl, iq3_s, iq2_s, iq4_xs, iq1_m, tq1_0, tq2_0, mxfp4, nvfp4, q1_0, q2_0\n"
            "tensor 'blk.0.ffn_down.weight' has shape [65, 32], needed [64, 32]\n"
            "tensor 'blk.0.ffn_gate_inp.weight' of shape [8] has no place in architecture 'llama'\n");
}

TEST(Refusal, Options) {
  GgufImportOptions options;
  options.contextLength = 200;
  options.dims["rows"] = {0, 4};
  options.dims["batch"] = {1, 4};
  EXPECT_EQ(import(TinyModel::llama(), options),
            "warning: context length is 200 but the model was trained for 100\n"
            "bounds of 'rows' are 0..4, needed MIN..MAX with 1 <= MIN <= MAX < 2147483647\n"
            "'batch' is no dynamic size of a language model; those are tokens, sequences, pages and rows\n");
}

TEST(Refusal, Encoders) {
  GgufImportOptions options;
  options.contextLength = 200;
  options.dims["pages"] = {1, 4};
  TinyModel model = TinyModel::bert();
  EXPECT_EQ(import(model, options), "context length is 200 but the model has 100 positions\n");
  options.contextLength = 0;
  EXPECT_EQ(import(model, options), "'pages' is no dynamic size of an encoder; those are tokens and sequences\n");
  model.integers["bert.pooling_type"] = 4;
  model.tensors["cls.weight"] = {{64, 64}, 0};
  EXPECT_EQ(import(model), "'bert.pooling_type' is 4, supported are 0 (none), 1 (mean), 2 (cls) and 3 (last); 4 ranks "
                           "pairs of texts\n"
                           "tensor 'cls.weight' of shape [64, 64] has no place in architecture 'bert'\n");
}

TEST(Refusal, EmbeddingsWithWindows) {
  GgufImportOptions options;
  options.embeddings = true;
  TinyModel model = TinyModel::llama();
  model.integers["llama.attention.sliding_window"] = 16;
  EXPECT_EQ(import(model, options),
            "'blk.0.attn' has a window, which attention of an encoder lacks; compile the model as "
            "a language model, or with a shorter --context\n");
  options.contextLength = 16;
  EXPECT_NE(import(model, options).find("@encode"), std::string::npos);
}

} // namespace
