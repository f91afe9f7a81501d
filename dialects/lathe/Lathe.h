// The `lathe` dialect: what a model computes. The manual is the .td files beside this header.
#ifndef LATHE_DIALECTS_LATHE_LATHE_H
#define LATHE_DIALECTS_LATHE_LATHE_H

#include "dialects/lathe/reference/ReferenceValue.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include <array>

namespace lathe {

/// The dimensions of one tensor, as expressions over the symbols of the entry point.
using DimList = llvm::SmallVector<mlir::AffineExpr>;

/// Marks an operation without a derivative: it holds weights, moves state or carries regions.
template <typename ConcreteType>
class NotDifferentiable : public mlir::OpTrait::TraitBase<ConcreteType, NotDifferentiable> {};

/// Marks an operation whose region is one kernel: 16-bit values inside of it are never stored, so they stay f32.
template <typename ConcreteType> class KernelRegion : public mlir::OpTrait::TraitBase<ConcreteType, KernelRegion> {};

/// The type of what a comparison gives: i1 in the shape of `type`, a tensor.
mlir::Type getBoolSameShape(mlir::Type type);

} // namespace lathe

namespace lathe {
/// Runs the loop of an operation: what `evaluate` of such operations is.
llvm::LogicalResult evaluateLoop(mlir::Operation *op, llvm::ArrayRef<ReferenceValue> operands,
                                 llvm::SmallVectorImpl<ReferenceValue> &results);
} // namespace lathe

#include "dialects/lathe/LatheDialect.h.inc"
#include "dialects/lathe/LatheEnums.h.inc"
#include "dialects/lathe/LatheOpInterfaces.h.inc"
#include "dialects/lathe/LatheTypeInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/lathe/LatheAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/lathe/LatheTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/lathe/LatheOps.h.inc"

namespace lathe {

// Attribute names of entry points (see the dialect's description).
inline constexpr llvm::StringLiteral EntryAttrName = "lathe.entry";
inline constexpr llvm::StringLiteral SymbolsAttrName = "lathe.symbols";
inline constexpr llvm::StringLiteral NameAttrName = "lathe.name";
inline constexpr llvm::StringLiteral DimsAttrName = "lathe.dims";
inline constexpr llvm::StringLiteral RoleAttrName = "lathe.role";
inline constexpr llvm::StringLiteral FilesAttrName = "lathe.files";
inline constexpr llvm::StringLiteral EncoderAttrName = "lathe.encoder";
// On a clone for a range of token counts: the range, and the entry point it belongs to.
inline constexpr llvm::StringLiteral RangeAttrName = "lathe.range";
inline constexpr llvm::StringLiteral CloneOfAttrName = "lathe.clone_of";

/// Bytes of a tensor of static shape, quantized or not. Fails when a quantized shape does not fit its blocks.
llvm::FailureOr<int64_t> getTensorBytes(mlir::RankedTensorType type);

/// True for operations that compute each element from the elements at the same place (ScalarOps.def, and casts).
bool isElementwise(mlir::Operation *op);

/// True when `a` and `b` may be the same size: equal, or one of them dynamic.
inline bool dimsAgree(int64_t a, int64_t b) {
  return a == b || mlir::ShapedType::isDynamic(a) || mlir::ShapedType::isDynamic(b);
}

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_LATHE_H
