// Pieces that the architectures are made of. Each takes and gives f32 activations `[T, width]`, reads its weights by
// the names GGUF gives them, and marks its operations with those names.
#ifndef LATHE_FRONTENDS_GGUF_BLOCKS_H
#define LATHE_FRONTENDS_GGUF_BLOCKS_H

#include "frontends/gguf/Decoder.h"

namespace lathe {

class Blocks {
public:
  Blocks(mlir::OpBuilder &builder, ModelReader &reader, Entry &entry, const DecoderShape &shape,
         const DecoderStyle &style, const RopeScaling &rope)
      : builder(builder), reader(reader), entry(entry), shape(shape), style(style), rope(rope) {}

  /// Rows of `token_embd.weight`.
  mlir::Value embedTokens();
  /// Rows of `position_embd.weight`, one for each position.
  mlir::Value embedPositions();
  /// The first row of `token_types.weight`, which every token of a single text has.
  mlir::Value embedTokenType();
  /// Rows of the last dimension; `<name>.weight` is the scale.
  mlir::Value normalize(mlir::Value input, const llvm::Twine &name);
  /// `input * transpose(<name>.weight) + <name>.bias`, the bias where the file has one.
  mlir::Value project(mlir::Value input, const llvm::Twine &name, int64_t width);
  /// Attention of layer `layer`, from the projections to queries, keys and values to `attn_output`.
  mlir::Value attend(mlir::Value input, int64_t layer);
  /// The feed-forward of layer `layer`, or its mixture of experts.
  mlir::Value feedForward(mlir::Value input, int64_t layer);
  /// Logits of the rows asked for, by `output_norm` and `output`, or the token embeddings where there is no `output`.
  /// In an encoder all rows, after `output_norm`.
  void finish(mlir::Value input);

  // For architectures with pieces of their own.

  mlir::Value add(mlir::Value lhs, mlir::Value rhs, const llvm::Twine &name);
  mlir::Value multiply(mlir::Value lhs, mlir::Value rhs, const llvm::Twine &name);
  mlir::Value scale(mlir::Value input, double factor, const llvm::Twine &name);
  /// `cap * tanh(input / cap)`, or `input` where `cap` is 0.
  mlir::Value limit(mlir::Value input, double cap, const llvm::Twine &name);
  mlir::Value activate(mlir::Value input, const llvm::Twine &name);
  /// `count` elements of the last dimension from `first` on.
  mlir::Value slice(mlir::Value input, int64_t first, int64_t count, const llvm::Twine &name);
  /// `[T, heads * width]` as `[T, heads, width]`.
  mlir::Value splitHeads(mlir::Value input, const llvm::Twine &name, int64_t heads, int64_t width);
  /// `[T, heads, width]` as `[T, heads * width]`.
  mlir::Value joinHeads(mlir::Value input, const llvm::Twine &name);
  mlir::Value rotate(mlir::Value input, const llvm::Twine &name, const LayerStyle &layer);
  /// Queries `[T, heads, key width]` against the pages, after keys and values `[T, kv heads, ...]` are written there.
  /// In an encoder against the keys and values of the same text. Pages of keys that begin with their values are given
  /// what follows these.
  mlir::Value attendTokens(mlir::Value query, mlir::Value key, mlir::Value value, int64_t layer,
                           const llvm::Twine &name);
  /// Whether attention is over the tokens of a step alone, without pages.
  bool readsTexts() const { return entry.isEncoder(); }
  /// `<gate>`, `<up>` and `<down>` as the decoder's kind of feed-forward of `hidden` elements.
  mlir::Value feedForward(mlir::Value input, const llvm::Twine &gate, const llvm::Twine &up, const llvm::Twine &down,
                          int64_t hidden);
  /// A weight as f32 where it is stored as another plain float; quantized weights stay as they are.
  mlir::Value getFloatWeight(const llvm::Twine &name, llvm::ArrayRef<int64_t> weightShape);
  mlir::Value constant(llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> sizes, const llvm::Twine &name);
  mlir::Location locate(const llvm::Twine &name) const { return reader.getLocation(name.str()); }
  const DecoderShape &getShape() const { return shape; }
  LayerStyle getLayer(int64_t layer) const { return style.getLayerStyle(layer); }

  mlir::OpBuilder &builder;
  ModelReader &reader;

private:
  struct Projections {
    mlir::Value query, key, value;
  };
  Projections projectHeads(mlir::Value input, const llvm::Twine &prefix);
  mlir::Value normalizeHeads(mlir::Value input, const llvm::Twine &name);
  mlir::Value attendText(mlir::Value query, mlir::Value key, mlir::Value value, int64_t layer, const llvm::Twine &name);
  mlir::Value getRopeFactors(const RopeScaling &scaling, const llvm::Twine &name);
  mlir::Value mixExperts(mlir::Value input, int64_t layer);

  Entry &entry;
  const DecoderShape &shape;
  const DecoderStyle &style;
  const RopeScaling &rope;
};

} // namespace lathe

#endif
