// The entry point of a model over text: the inputs of a ragged batch, with their names, roles and bounds.
#ifndef LATHE_FRONTENDS_GGUF_ENTRY_H
#define LATHE_FRONTENDS_GGUF_ENTRY_H

#include "frontends/gguf/GgufImporter.h"
#include "frontends/gguf/ModelReader.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// Where a layer keeps its keys and values: in which state, and at which place of it.
struct LayerPlace {
  bool isWindowed;
  int64_t index;
};

/// What of a model shows at its entry.
struct EntryShape {
  int64_t vocabulary;
  int64_t contextLength; ///< what the model was trained for
  int64_t width;         ///< of hidden states
  // States of layers that see all tokens, and of those that see a window; null where there are none. Without both it is
  // an encoder, which sees whole texts and keeps nothing.
  StateType kv, windowKv;
  llvm::SmallVector<LayerPlace> layers;
};

/// Keys and values of layers that see the same tokens, and the inputs that say where they are.
struct LayerState {
  mlir::Value kv;          ///< as it stands at this place of the program; blocks that replace it set it
  mlir::Value blockTables; ///< [S, B]
  mlir::Value slots;       ///< [T]
};

/// `@forward` of a language model, or `@encode`, while it is built. Where likeliest tokens are asked for, `@candidates`
/// stands behind it.
class Entry {
public:
  /// Adds the function to `module` and puts `builder` into it. Reports options that do not fit.
  Entry(mlir::ModuleOp module, mlir::OpBuilder &builder, ModelReader &reader, const EntryShape &shape,
        const GgufImportOptions &options);

  bool isEncoder() const { return layers.empty(); }
  int64_t getMaxTokens() const { return maxTokens; } ///< of one text

  mlir::Value getTokens() { return function.getArgument(0); }     ///< [T]
  mlir::Value getPositions() { return function.getArgument(1); }  ///< [T, 1]
  mlir::Value getRowOffsets() { return function.getArgument(2); } ///< [S + 1]
  // Of language models alone.
  mlir::Value getLengths() { return function.getArgument(3); } ///< [S]
  mlir::Value getRows() { return rows; }                       ///< [R]
  LayerState &getState(int64_t layer) { return layers[layer].isWindowed ? windowed : full; }
  int64_t getPlace(int64_t layer) const { return layers[layer].index; } ///< of the layer in its state

  /// Ends the function. Results are logits `[R, vocabulary]`, the likeliest tokens `[R]` where they are asked for, and
  /// the states, or of an encoder hidden states `[T, width]`.
  void finish(mlir::OpBuilder &builder, mlir::Location location, mlir::Value computed);

private:
  struct Input;
  void create(mlir::ModuleOp module, mlir::OpBuilder &builder, ModelReader &reader, llvm::StringRef name,
              llvm::ArrayRef<Input> inputs, llvm::ArrayRef<Input> results, llvm::ArrayRef<StateType> states);

  void addCandidates(mlir::OpBuilder &builder, int64_t vocabulary, SymbolAttr rows);

  mlir::func::FuncOp function;
  llvm::SmallVector<LayerPlace> layers;
  LayerState full, windowed;
  mlir::Value rows;
  int64_t maxTokens;
};

} // namespace lathe

#endif
