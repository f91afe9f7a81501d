// A model small enough to print, of every part that an importer test wants to change.
#ifndef LATHE_TEST_FRONTENDS_GGUF_TINYMODEL_H
#define LATHE_TEST_FRONTENDS_GGUF_TINYMODEL_H

#include "frontends/gguf/GgufImporter.h"
#include "test/runtime/gguf/GgufBytes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include "llvm/Support/raw_ostream.h"

#include <map>

namespace lathe::test {

/// A GGUF file as lists of entries and tensors, all tensors zero.
struct TinyModel {
  struct TensorSpec {
    std::vector<uint64_t> dimensions; ///< innermost first
    uint32_t format;
  };
  std::map<std::string, std::string> strings;
  std::map<std::string, uint32_t> integers;
  std::map<std::string, float> numbers;
  std::map<std::string, std::vector<uint32_t>> arrays;
  std::map<std::string, TensorSpec> tensors;

  /// One layer of width 64 with 4 heads, 2 of them for keys and values; 8 tokens; queries in q8_0, embeddings in f16.
  static TinyModel llama() {
    TinyModel model;
    model.strings = {{"general.architecture", "llama"}, {"general.name", "tiny"}};
    model.integers = {{"llama.context_length", 100},     {"llama.embedding_length", 64},
                      {"llama.block_count", 1},          {"llama.feed_forward_length", 32},
                      {"llama.attention.head_count", 4}, {"llama.attention.head_count_kv", 2},
                      {"llama.rope.dimension_count", 16}};
    model.numbers = {{"llama.attention.layer_norm_rms_epsilon", 0.25f}, {"llama.rope.freq_base", 500.0f}};
    model.tensors = {{"token_embd.weight", {{64, 8}, 1}},    {"blk.0.attn_norm.weight", {{64}, 0}},
                     {"blk.0.attn_q.weight", {{64, 64}, 8}}, {"blk.0.attn_k.weight", {{64, 32}, 0}},
                     {"blk.0.attn_v.weight", {{64, 32}, 0}}, {"blk.0.attn_output.weight", {{64, 64}, 0}},
                     {"blk.0.ffn_norm.weight", {{64}, 0}},   {"blk.0.ffn_gate.weight", {{64, 32}, 0}},
                     {"blk.0.ffn_up.weight", {{64, 32}, 0}}, {"blk.0.ffn_down.weight", {{32, 64}, 0}},
                     {"output_norm.weight", {{64}, 0}},      {"output.weight", {{64, 8}, 0}}};
    return model;
  }

  /// One layer of width 64 with 4 heads; 8 tokens; queries in q8_0, tables in f16.
  static TinyModel bert() {
    TinyModel model;
    model.strings = {{"general.architecture", "bert"}, {"general.name", "tiny"}};
    model.integers = {{"bert.context_length", 100},     {"bert.embedding_length", 64},    {"bert.block_count", 1},
                      {"bert.feed_forward_length", 32}, {"bert.attention.head_count", 4}, {"bert.pooling_type", 2}};
    model.numbers = {{"bert.attention.layer_norm_epsilon", 0.25f}};
    model.tensors = {{"token_embd.weight", {{64, 8}, 1}},
                     {"position_embd.weight", {{64, 100}, 1}},
                     {"token_types.weight", {{64, 2}, 0}},
                     {"token_embd_norm.weight", {{64}, 0}},
                     {"token_embd_norm.bias", {{64}, 0}},
                     {"blk.0.attn_q.weight", {{64, 64}, 8}},
                     {"blk.0.attn_q.bias", {{64}, 0}},
                     {"blk.0.attn_k.weight", {{64, 64}, 0}},
                     {"blk.0.attn_v.weight", {{64, 64}, 0}},
                     {"blk.0.attn_output.weight", {{64, 64}, 0}},
                     {"blk.0.attn_output_norm.weight", {{64}, 0}},
                     {"blk.0.ffn_up.weight", {{64, 32}, 0}},
                     {"blk.0.ffn_down.weight", {{32, 64}, 0}},
                     {"blk.0.layer_output_norm.weight", {{64}, 0}}};
    return model;
  }

  std::string write() const {
    using gguf::ValueType;
    gguf::test::GgufBytes file;
    file.header(tensors.size(), strings.size() + integers.size() + numbers.size() + arrays.size());
    for (const auto &[key, value] : strings)
      file.key(key, ValueType::String).text(value);
    for (const auto &[key, value] : integers)
      file.key(key, ValueType::U32).u32(value);
    for (const auto &[key, value] : numbers)
      file.key(key, ValueType::F32).number(value);
    for (const auto &[key, values] : arrays) {
      file.key(key, ValueType::Array).u32(uint32_t(ValueType::U32)).u64(values.size());
      for (uint32_t value : values)
        file.u32(value);
    }
    uint64_t offset = 0;
    for (const auto &[name, spec] : tensors) {
      file.text(name).u32(spec.dimensions.size());
      uint64_t values = 1;
      for (uint64_t dimension : spec.dimensions) {
        file.u64(dimension);
        values *= dimension;
      }
      file.u32(spec.format).u64(offset);
      const gguf::BlockFormat &format = *gguf::findBlockFormat(spec.format);
      offset += (values / format.weights * format.bytes + 31) / 32 * 32;
    }
    return file.pad().zeros(offset).write();
  }
};

/// The result of an import: the module as text, or the diagnostics, one a line, without the file's path.
inline std::string import(const TinyModel &model, const GgufImportOptions &options = {}) {
  mlir::MLIRContext context;
  std::string path = model.write(), text;
  bool hasError = false;
  llvm::raw_string_ostream stream(text);
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    EXPECT_EQ(mlir::cast<mlir::FileLineColLoc>(diagnostic.getLocation()).getFilename(), path);
    hasError |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
    stream << (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning ? "warning: " : "") << diagnostic << "\n";
  });
  llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> module = importGguf(context, path, options);
  EXPECT_EQ(failed(module), hasError) << text;
  if (succeeded(module))
    module->get().print(stream);
  return text;
}

} // namespace lathe::test

#endif
