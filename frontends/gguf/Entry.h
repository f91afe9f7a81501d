// The entry point of a model over text: the inputs of a ragged batch, with their names, roles and bounds.
#ifndef LATHE_FRONTENDS_GGUF_ENTRY_H
#define LATHE_FRONTENDS_GGUF_ENTRY_H

#include "frontends/gguf/GgufImporter.h"
#include "frontends/gguf/ModelReader.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// What of a model shows at its entry.
struct EntryShape {
  int64_t vocabulary;
  int64_t contextLength; ///< what the model was trained for
  int64_t width;         ///< of hidden states
  StateType kv;          ///< null: an encoder, which sees whole texts and keeps nothing
};

/// `@forward` of a language model, or `@encode`, while it is built.
class Entry {
public:
  /// Adds the function to `module` and puts `builder` into it. Reports options that do not fit.
  Entry(mlir::ModuleOp module, mlir::OpBuilder &builder, ModelReader &reader, const EntryShape &shape,
        const GgufImportOptions &options);

  bool isEncoder() const { return !kv; }
  int64_t getMaxTokens() const { return maxTokens; } ///< of one text

  mlir::Value getTokens() { return function.getArgument(0); }     ///< [T]
  mlir::Value getPositions() { return function.getArgument(1); }  ///< [T, 1]
  mlir::Value getRowOffsets() { return function.getArgument(2); } ///< [S + 1]
  // Of language models alone.
  mlir::Value getLengths() { return function.getArgument(3); }     ///< [S]
  mlir::Value getBlockTables() { return function.getArgument(4); } ///< [S, B]
  mlir::Value getSlots() { return function.getArgument(5); }       ///< [T]
  mlir::Value getRows() { return function.getArgument(6); }        ///< [R]

  /// The state as it stands at this place of the program; blocks that replace it set it. Null in encoders.
  mlir::Value kv;

  /// Ends the function. Results are logits `[R, vocabulary]` and the state, or of an encoder hidden states `[T,
  /// width]`.
  void finish(mlir::OpBuilder &builder, mlir::Location location, mlir::Value computed);

private:
  struct Input;
  void create(mlir::ModuleOp module, mlir::OpBuilder &builder, ModelReader &reader, llvm::StringRef name,
              llvm::ArrayRef<Input> inputs, const Input &result, StateType state);

  mlir::func::FuncOp function;
  int64_t maxTokens;
};

} // namespace lathe

#endif
