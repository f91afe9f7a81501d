// What CloneByTokenCount cuts an entry point by.
#ifndef LATHE_PASSES_FUSION_CLONESYMBOL_H
#define LATHE_PASSES_FUSION_CLONESYMBOL_H

#include "dialects/lathe/TokenSymbols.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

// On an entry point that is to be cut: the largest count of each clone but the last, and why each is there. On a clone
// and its plan: why it is there.
inline constexpr llvm::StringLiteral CloneEndsAttrName = "lathe.clone_ends";
inline constexpr llvm::StringLiteral CloneReasonsAttrName = "lathe.clone_reasons";
inline constexpr llvm::StringLiteral RangeReasonAttrName = "lathe.range_reason";

/// Whether an entry point is one of tensors, and not of texts.
bool isTensorEntry(mlir::func::FuncOp entry);

/// The symbol of an entry point that clones have ranges of: the tokens of one of texts; of one of tensors what it
/// computes at once, the first dimension of its first input, if that has no fixed size and products depend on it. Null
/// for what is no entry point, has no such symbol, or is a clone.
SymbolAttr findCloneSymbol(mlir::func::FuncOp entry);

} // namespace lathe

#endif // LATHE_PASSES_FUSION_CLONESYMBOL_H
