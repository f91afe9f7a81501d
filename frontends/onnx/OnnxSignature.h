// The inputs of the entry point: which sizes are fixed, which are symbols, and what bounds these have.
#ifndef LATHE_FRONTENDS_ONNX_ONNXSIGNATURE_H
#define LATHE_FRONTENDS_ONNX_ONNXSIGNATURE_H

#include "dialects/lathe/Lathe.h"
#include "frontends/onnx/OnnxImporter.h"
#include "frontends/onnx/OnnxReader.h"

namespace lathe::onnx {

struct EntryInput {
  std::string name;
  mlir::RankedTensorType type;
  DimList dims; ///< constants and AffineSymbolExpr
};

struct Signature {
  std::vector<EntryInput> inputs;
  llvm::SmallVector<std::string> symbols;
  llvm::SmallVector<SymbolBounds> bounds; ///< as many as symbols
};

/// Applies the options to the model's inputs. Adds what is wrong to `problems`.
Signature readSignature(mlir::MLIRContext *context, const Model &model, const OnnxImportOptions &options,
                        std::vector<std::string> &problems);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_ONNXSIGNATURE_H
