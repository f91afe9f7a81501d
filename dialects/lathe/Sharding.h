// A named grid of devices, and how a value lies on it.
#ifndef LATHE_DIALECTS_LATHE_SHARDING_H
#define LATHE_DIALECTS_LATHE_SHARDING_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

// Of a module: an array of `{name = "tensor", size = 4}`, one for each axis; the last one counts ranks that are
// neighbours.
inline constexpr llvm::StringLiteral GridAttrName = "lathe.grid";
// Of an operation, one array for each result, and of an argument: how the value lies on the grid, an entry for each
// axis along which ranks have something else. `{axis = "tensor", dim = 1, parts = 4}`: dimension 1 is cut as by
// `lathe.take_shard`. `{axis = "tensor", partial = "sum"}`: the value is the sum of what the ranks have; with `"one"`
// one rank has each element and all others 0.
inline constexpr llvm::StringLiteral ShardingAttrName = "lathe.sharding";

struct GridAxis {
  std::string name;
  int64_t size;
};

/// The devices that a program runs on. Ranks are numbered row by row.
class Grid {
public:
  Grid() = default;
  explicit Grid(std::vector<GridAxis> axes) : Axes(std::move(axes)) {}
  /// That of the module around `op`; one without axes where the module has none. Asks for a well-formed attribute,
  /// which `verifyGrid` checks.
  static Grid of(mlir::Operation *op);

  llvm::ArrayRef<GridAxis> getAxes() const { return Axes; }
  bool empty() const { return Axes.empty(); }
  int64_t getNumRanks() const;
  /// The place of an axis among the axes; nothing if there is none of that name.
  std::optional<unsigned> find(llvm::StringRef axis) const;
  /// The ranks along an axis, 0 if there is none of that name.
  int64_t getSize(llvm::StringRef axis) const;
  /// The place of a rank along an axis of the grid.
  int64_t getCoordinate(int64_t rank, llvm::StringRef axis) const;
  mlir::ArrayAttr toAttr(mlir::MLIRContext *context) const;

private:
  std::vector<GridAxis> Axes;
};

/// Fails with a diagnostic on the module when its grid is malformed: no array of names and sizes above 0, or an axis
/// twice.
llvm::LogicalResult verifyGrid(mlir::ModuleOp module);

/// What ranks have of a value that is not whole.
enum class Partial {
  None,
  Sum, ///< the value is the sum of what the ranks have
  One, ///< likewise, and each element is 0 on all ranks but one
};

/// How a value lies along one axis.
struct Sharding {
  int64_t dim = -1; ///< the dimension that is cut; -1: none
  int64_t parts = 1;
  Partial partial = Partial::None;

  bool isWhole() const { return dim < 0 && partial == Partial::None; }
  bool isSplit() const { return dim >= 0; }
  bool operator==(const Sharding &) const = default;
};

/// How a value lies along `axis`, by the attributes of what defines it.
Sharding getSharding(mlir::Value value, llvm::StringRef axis);
/// Notes how a value lies along `axis`; what is said of other axes stays.
void setSharding(mlir::Value value, llvm::StringRef axis, const Sharding &sharding);
/// Takes all notes of shardings from the results of an operation, or the arguments of a function.
void removeShardings(mlir::Operation *op);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_SHARDING_H
