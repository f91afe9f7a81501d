// ONNX model -> module of the lathe dialect with the entry point @forward.
#ifndef LATHE_FRONTENDS_ONNX_ONNXIMPORTER_H
#define LATHE_FRONTENDS_ONNX_ONNXIMPORTER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include <functional>
#include <vector>

namespace lathe {

/// The least and the largest value of a dynamic size.
using SymbolBounds = std::pair<int64_t, int64_t>;

struct OnnxImportOptions {
  /// Bounds by symbol (`--dim batch=1..64`). A symbol is a dim_param of the model, or "<input>_<axis>" where the model
  /// gives no name. Equal bounds make the size static.
  llvm::StringMap<SymbolBounds> dims;
  /// Sizes by input (`--shape image=8x1x8x8`); -1 leaves a size as the model has it.
  llvm::StringMap<llvm::SmallVector<int64_t>> shapes;
  /// Called for each symbol that `dims` does not bound, with the bounds it got.
  std::function<void(llvm::StringRef symbol, SymbolBounds bounds)> reportDefaultBounds;
};

/// Imports the model at `path`. Reports every problem it finds through the context's diagnostics.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importOnnx(mlir::MLIRContext &context, llvm::StringRef path,
                                                              const OnnxImportOptions &options = {});

/// The same for bytes that stand for a file at `path`.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importOnnx(mlir::MLIRContext &context,
                                                              std::unique_ptr<llvm::MemoryBuffer> bytes,
                                                              llvm::StringRef path,
                                                              const OnnxImportOptions &options = {});

/// A line of the table of supported operators.
struct OnnxOperatorInfo {
  llvm::StringRef domain; ///< "ai.onnx" for ONNX's own
  llvm::StringRef name;
  int64_t minOpset, maxOpset;
  llvm::StringRef limits; ///< what is refused; empty if nothing
};
std::vector<OnnxOperatorInfo> listOnnxOperators();
/// Operators of ONNX's own that are computed while importing where their inputs' elements are known.
std::vector<llvm::StringRef> listOnnxShapeOperators();

} // namespace lathe

#endif // LATHE_FRONTENDS_ONNX_ONNXIMPORTER_H
