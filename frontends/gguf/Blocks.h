// Pieces that the architectures are made of. Each takes and gives f32 activations `[T, width]`, reads its weights by
// the names GGUF gives them, and marks its operations with those names.
#ifndef LATHE_FRONTENDS_GGUF_BLOCKS_H
#define LATHE_FRONTENDS_GGUF_BLOCKS_H

#include "frontends/gguf/Entry.h"

namespace lathe {

/// The sizes that decoders have in common, from metadata.
struct DecoderShape {
  int64_t contextLength, vocabulary, width, layers, hidden;
  int64_t heads, kvHeads, keyWidth, valueWidth;
  int64_t ropeDimensions;
  double ropeBase, attentionScale, epsilon;

  /// Reads and checks all of them; `reader.hasFailed()` says whether they can be used.
  static DecoderShape read(ModelReader &reader);
  EntryShape getEntryShape(mlir::MLIRContext &context) const;

private:
  void check(ModelReader &reader) const;
};

class Blocks {
public:
  Blocks(mlir::OpBuilder &builder, ModelReader &reader, Entry &entry, const DecoderShape &shape)
      : builder(builder), reader(reader), entry(entry), shape(shape) {}

  /// Rows of `token_embd.weight`.
  mlir::Value embedTokens();
  /// `<name>.weight` is the scale.
  mlir::Value normalize(mlir::Value input, const llvm::Twine &name);
  /// `input * transpose(<name>.weight) + <name>.bias`, the bias where the file has one.
  mlir::Value project(mlir::Value input, const llvm::Twine &name, int64_t width);
  /// Attention of layer `layer`, from `attn_q`, `attn_k` and `attn_v` to `attn_output`, with rotated queries and keys.
  mlir::Value attend(mlir::Value input, int64_t layer, RopePairing pairing);
  /// `ffn_down(silu(ffn_gate(input)) * ffn_up(input))`.
  mlir::Value feedForward(mlir::Value input, int64_t layer);
  mlir::Value add(mlir::Value lhs, mlir::Value rhs, const llvm::Twine &name);
  /// Logits of the rows asked for, by `output_norm` and `output`, or the token embeddings where there is no `output`.
  void finish(mlir::Value input);

private:
  mlir::Location locate(const llvm::Twine &name) const { return reader.getLocation(name.str()); }
  /// A weight as f32 where it is stored as another plain float; quantized weights stay as they are.
  mlir::Value getFloatWeight(const llvm::Twine &name, llvm::ArrayRef<int64_t> weightShape);
  mlir::Value splitHeads(mlir::Value input, const llvm::Twine &name, int64_t heads, int64_t width);
  mlir::Value rotate(mlir::Value input, const llvm::Twine &name, RopePairing pairing);

  mlir::OpBuilder &builder;
  ModelReader &reader;
  Entry &entry;
  const DecoderShape &shape;
};

} // namespace lathe

#endif
