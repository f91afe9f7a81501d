// Dimensions of a function's values that are split together or not at all.
#ifndef LATHE_PASSES_SHARDING_DIMENSIONCLASSES_H
#define LATHE_PASSES_SHARDING_DIMENSIONCLASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/sharding/ShardingRules.h"
#include "llvm/ADT/IntEqClasses.h"

namespace lathe {

/// A dimension of a value, or of what one operation reads of a constant: each reader of a constant may take another
/// part.
struct DimensionMember {
  mlir::Value value;
  mlir::OpOperand *use; ///< of a constant-like value; else null
  int64_t dim;
  int64_t unit = 1; ///< parts are multiples of so many elements
};

struct DimensionClass {
  llvm::SmallVector<DimensionMember> members;
  std::string obstacle;       ///< why it must be whole; "" where nothing is in the way
  int64_t weightBytes = 0;    ///< of weights that it would split
  int64_t exchangedBytes = 0; ///< of one row of what ranks would add up or gather
  bool hasExperts = false;
  /// Classes of key heads that query heads of this one share, with their number.
  llvm::SmallVector<std::pair<unsigned, int64_t>> keyHeads;
};

/// An operation and the classes of its factors.
struct SplitOperation {
  mlir::Operation *op;
  ShardingRule rule;
  llvm::SmallVector<unsigned> classes; ///< one for each factor
};

/// The classes of the outermost block of a function, in order of first appearance.
class DimensionClasses {
public:
  explicit DimensionClasses(mlir::func::FuncOp function);

  llvm::ArrayRef<SplitOperation> getOperations() const { return Operations; }
  std::vector<DimensionClass> &get() { return Classes; }
  /// The class of a dimension; nothing if no factor has it.
  std::optional<unsigned> find(mlir::OpOperand &operand, int64_t dim) const;

private:
  using Key = std::pair<const void *, int64_t>;
  static Key makeKey(mlir::OpOperand &operand, int64_t dim);
  unsigned number(Key key, const DimensionMember &member);
  void addOperation(mlir::Operation &op);
  void fillClasses(mlir::func::FuncOp function);
  void blockWhole(const SplitOperation &split);
  void block(mlir::Value value, llvm::StringRef why);
  void countExchange(const SplitOperation &split);

  std::vector<SplitOperation> Operations;
  std::vector<DimensionMember> Members; ///< by number
  llvm::DenseMap<Key, unsigned> Numbers;
  llvm::IntEqClasses Equal; ///< numbers, then classes
  std::vector<DimensionClass> Classes;
};

} // namespace lathe

#endif // LATHE_PASSES_SHARDING_DIMENSIONCLASSES_H
