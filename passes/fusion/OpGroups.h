// Which operations of a block become one kernel, and in which order kernels can run.
#ifndef LATHE_PASSES_FUSION_OPGROUPS_H
#define LATHE_PASSES_FUSION_OPGROUPS_H

#include "dialects/lathe/Lathe.h"
#include "llvm/ADT/SetVector.h"
#include <memory>

namespace lathe {

/// Operations of one block that become one kernel, in program order.
struct OpGroup {
  llvm::SmallVector<mlir::Operation *> ops;
};

/// Disjoint groups of a block's operations. What is in no group counts as a group of its own.
class OpGroups {
public:
  explicit OpGroups(mlir::Block &block);

  OpGroup *create(mlir::Operation *op);
  void add(OpGroup &group, mlir::Operation *op);
  /// Moves the operations of `from` to `into`; `from` is empty from then on.
  void merge(OpGroup &into, OpGroup &from);
  /// The group of an operation, or null.
  OpGroup *find(mlir::Operation *op) const { return GroupOf.lookup(op); }

  /// True when something outside of `a` and `b` must run after one of them and before the other, so that no single
  /// kernel can be both.
  bool arePartedBy(llvm::ArrayRef<mlir::Operation *> a, llvm::ArrayRef<mlir::Operation *> b) const;
  /// True when one of `a` must run after one of `b`, whatever is in between.
  bool dependsOn(llvm::ArrayRef<mlir::Operation *> a, llvm::ArrayRef<mlir::Operation *> b) const;

  /// All groups with operations, in the order of their last ones.
  llvm::SmallVector<OpGroup *> getAll() const;

private:
  bool reaches(llvm::ArrayRef<mlir::Operation *> from, llvm::ArrayRef<mlir::Operation *> to, bool ownEdges) const;

  llvm::DenseMap<mlir::Operation *, unsigned> Positions;
  std::vector<std::unique_ptr<OpGroup>> Groups;
  llvm::DenseMap<mlir::Operation *, OpGroup *> GroupOf;
};

/// The operations of `op`'s block that must run before it: producers of what it and its regions read, and readers of a
/// state that it replaces.
llvm::SetVector<mlir::Operation *> getDependencies(mlir::Operation *op);

/// Replaces a group by one fusion, at its last operation, which yields every value that others read. Afterwards the
/// block may be out of order: see sortBlock. `clones` are computed in the fusion as well, but stay where they are.
FusionOp buildFusion(const OpGroup &group, llvm::ArrayRef<mlir::Operation *> clones = {});

/// Replaces fusions of one block, in program order, by one at the last of them. What one computes for another stays
/// inside, unless others read it too. Afterwards the block may be out of order: see sortBlock.
FusionOp mergeFusions(llvm::ArrayRef<FusionOp> fusions);

/// The operations of a fusion that templates compute: all but those that compute each element from one place of each
/// operand.
llvm::SmallVector<mlir::Operation *> getRoots(FusionOp fusion);

/// Moves operations behind all that they depend on, and no further than needed.
void sortBlock(mlir::Block &block);

} // namespace lathe

#endif // LATHE_PASSES_FUSION_OPGROUPS_H
