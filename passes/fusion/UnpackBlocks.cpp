// See UnpackBlocks in Passes.td.
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/SymbolicDims.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/fusion/ProductRules.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_UNPACKBLOCKS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

using Tensor = TypedValue<RankedTensorType>;

/// Of a product on tiles of blocks, or on blocks that have none.
static bool readsBlocks(Operation *product) {
  if (auto matmul = dyn_cast<MatmulOp>(product))
    return canUnpack(matmul.getLhs().getType(), matmul.getRhs().getType());
  return isa<TileMatmulOp>(product) && isa<GgufTilesType>(getElementTypeOrSelf(product->getOperand(1)));
}

/// The fewest rows that a product has: all dimensions but the last are rows.
static int64_t countRows(Operation *product, SymbolicDims &dims, const Bounds &bounds) {
  AffineExpr rows = getAffineConstantExpr(1, product->getContext());
  for (AffineExpr dim : dims[product->getResult(0)].drop_back())
    rows = rows * dim;
  return bounds.getRange(rows).first;
}

/// The values of the weights of a product, in tiles.
static RankedTensorType getUnpackedType(RankedTensorType lhs, RankedTensorType result) {
  constexpr int64_t Size = PackTilesOp::Size;
  int64_t shape[] = {int64_t(llvm::divideCeil(result.getShape().back(), Size)),
                     int64_t(llvm::divideCeil(lhs.getShape().back(), Size)), Size, Size};
  return RankedTensorType::get(shape, lhs.getElementType());
}

namespace {
struct UnpackBlocks : lathe::impl::UnpackBlocksBase<UnpackBlocks> {
  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    FailureOr<SymbolicDims> dims = SymbolicDims::compute(getOperation());
    if (failed(dims))
      return signalPassFailure();
    Bounds bounds(dims->getSymbols());
    auto options = remark::RemarkOpts::name("UnpackBlocks").category("fusion");
    getOperation().walk([&](Operation *product) {
      if (!readsBlocks(product) || countRows(product, *dims, bounds) < ManyRows)
        return;
      auto lhs = cast<Tensor>(product->getOperand(0)), blocks = cast<Tensor>(product->getOperand(1)),
           result = cast<Tensor>(product->getResult(0));
      int64_t columns = lhs.getType().getShape().back();
      if (!fillsTiles(blocks.getType().getDimSize(1), columns)) {
        remark::missed(product->getLoc(), options) << remark::add(
            "a product of many rows takes blocks apart for each tile: its {0} columns do not fill tiles", columns);
        return;
      }
      OpBuilder builder(product);
      Value values =
          UnpackTilesOp::create(builder, product->getLoc(), getUnpackedType(lhs.getType(), result.getType()), blocks);
      result.replaceAllUsesWith(TileMatmulOp::create(builder, product->getLoc(), result.getType(), lhs, values));
      product->erase();
      remark::passed(values.getLoc(), options)
          << remark::add("takes blocks apart before a product of {0} rows and more", ManyRows);
    });
  }
};
} // namespace
