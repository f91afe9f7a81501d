// The bytes of weight programs, piece by piece: folding a weight takes little more memory than a few of its rows.
#ifndef LATHE_COMPILER_WEIGHTPIECES_H
#define LATHE_COMPILER_WEIGHTPIECES_H

#include "dialects/lathe/Collectives.h"
#include "dialects/lathe/reference/Evaluator.h"
#include <functional>

namespace lathe {

/// A part of a tensor: `sizes[d]` elements from `offsets[d]` on of each dimension.
struct Box {
  llvm::SmallVector<int64_t> offsets, sizes;

  static Box whole(llvm::ArrayRef<int64_t> shape) {
    return {llvm::SmallVector<int64_t>(shape.size(), 0), llvm::SmallVector<int64_t>(shape)};
  }
};

/// Evaluates the values of one weight program. Elementwise operations, transposes, reshapes, panels, tiles and
/// quantization are computed for the part of their result that is asked for; any other operation is computed as a
/// whole, once, and its result kept in a temporary file that is mapped, as are its operands. Weights stay in the mapped
/// model file.
///
/// One thread uses one object; many objects may share an evaluator.
class WeightPieces {
public:
  /// Sees each piece that is quantized, before and after. Every element is in one piece.
  using QuantizationObserver =
      std::function<void(QuantizeOp op, llvm::ArrayRef<float> before, llvm::ArrayRef<float> after)>;

  /// `files` opens the model files. Pieces have about `pieceBytes`.
  explicit WeightPieces(Evaluator &files, int64_t pieceBytes = 1 << 20, QuantizationObserver observer = {})
      : Files(files), PieceBytes(pieceBytes), Observer(std::move(observer)) {}

  /// Values are those of this rank of the module's grid; of rank 0 unless it is set.
  void setRank(int64_t rank) { Rank = rank; }

  /// Passes the bytes of `value`, a tensor of static shape, on in order. Fails with a diagnostic.
  llvm::LogicalResult write(mlir::Value value, llvm::function_ref<void(llvm::ArrayRef<uint8_t>)> sink);
  /// The elements of `value` in `box`. They may point into the files, or into this object.
  llvm::FailureOr<ReferenceValue> evaluate(mlir::Value value, const Box &box);

private:
  using Result = llvm::FailureOr<ReferenceValue>;
  /// The value as a whole if that takes no memory: it is mapped. Empty when it is not.
  llvm::FailureOr<std::optional<ReferenceValue>> findMapped(mlir::Value value);
  Result evaluateElementwise(mlir::Operation *op, const Box &box);
  Result evaluateTranspose(TransposeOp op, const Box &box);
  Result evaluateReshape(ReshapeOp op, const Box &box);
  Result evaluateShard(TakeShardOp op, const Box &box);
  Result evaluatePack(PackColumnsOp op, const Box &box);
  Result evaluatePack(PackBlocksOp op, const Box &box);
  Result evaluateRowTiles(PackBlocksOp op, const Box &box);
  Result evaluateRows(PackBlocksOp op, const Box &box);
  Result evaluatePack(PackTilesOp op, const Box &box);
  Result evaluateQuantize(QuantizeOp op, const Box &box);
  llvm::FailureOr<float> findOuter(QuantizeOp op, BlockedType type);
  /// Elements [first, first + count) of `value`, counted row by row.
  llvm::LogicalResult copyRun(mlir::Value value, int64_t first, int64_t count, uint8_t *to);
  llvm::LogicalResult computeWhole(mlir::Operation *op);
  llvm::LogicalResult keep(mlir::Value value, llvm::function_ref<llvm::LogicalResult(llvm::raw_ostream &)> write);

  Evaluator &Files;
  int64_t PieceBytes;
  int64_t Rank = 0;
  QuantizationObserver Observer;
  llvm::DenseMap<mlir::Value, ReferenceValue> Kept;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> Mappings; // behind Kept
  llvm::DenseMap<mlir::Operation *, float> Outers;           ///< outer scales that were found
};

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTPIECES_H
