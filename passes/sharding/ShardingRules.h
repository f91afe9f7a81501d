// What may be split of an operation: its dimensions as factors, as in an einsum, and what splitting each of them does.
#ifndef LATHE_PASSES_SHARDING_SHARDINGRULES_H
#define LATHE_PASSES_SHARDING_SHARDINGRULES_H

#include "dialects/lathe/Collectives.h"

namespace lathe {

/// What each rank computes when it has a part of a factor.
enum class FactorKind {
  Map,     ///< its part of the results
  Sum,     ///< sums over its part: the result is the sum of what the ranks have
  Rows,    ///< numbers name rows of a table: those that another rank has are 0
  Experts, ///< numbers name matrices: likewise
};

struct ShardingFactor {
  FactorKind kind = FactorKind::Map;
  int64_t unit = 1; ///< parts are multiples of so many elements
};

/// Factors of an operation. A dimension without one must be whole, or nobody reads it.
struct ShardingRule {
  static constexpr int Whole = -1, Unread = -2;

  llvm::SmallVector<ShardingFactor> factors;
  /// The factor of each dimension of each operand and result; those of a state are those of its shape. Behind the
  /// dimensions of `lathe.expert_matmul`'s experts stands what their numbers count.
  llvm::SmallVector<llvm::SmallVector<int>> operands, results;
  /// Query heads and the key heads that they share: where one is split, so is the other.
  std::optional<std::pair<int, int>> heads;

  /// The rule of an operation on tensors; all dimensions must be whole for one that has none.
  static ShardingRule of(mlir::Operation *op);

  int add(FactorKind kind = FactorKind::Map, int64_t unit = 1) {
    factors.push_back({kind, unit});
    return int(factors.size()) - 1;
  }
};

/// Sizes of a tensor or of a state's shape; none for other values.
llvm::ArrayRef<int64_t> getSplitShape(mlir::Value value);
/// `type` with dimension `dim` cut into parts.
mlir::Type getLocalType(mlir::Type type, int64_t dim, int64_t parts);

/// True for what weights and constants alone make: passes leave it whole and take parts of it.
bool isConstantLike(mlir::Value value);
/// The names of the weights that a constant-like value is made of.
llvm::SmallVector<llvm::StringRef> getWeightNames(mlir::Value value);

/// What ranks have of a value that they do not have whole. `support` tells which rank has each element of one whose
/// other ranks have 0: values of one support are 0 on the same ranks.
struct PartialValue {
  Partial kind = Partial::None;
  const void *support = nullptr;
};

/// What ranks have of the result of `op` when they have `operands`; `own` is what splitting a factor of it makes.
/// Nothing when the operands must be complete first.
std::optional<PartialValue> combinePartials(mlir::Operation *op, llvm::ArrayRef<PartialValue> operands,
                                            PartialValue own);

} // namespace lathe

#endif // LATHE_PASSES_SHARDING_SHARDINGRULES_H
