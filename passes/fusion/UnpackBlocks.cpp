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

static bool readsBlocks(TileMatmulOp product) {
  return isa<GgufTilesType>(cast<RankedTensorType>(product.getRhs().getType()).getElementType());
}

/// The fewest rows that a product has: all dimensions but the last are rows.
static int64_t countRows(TileMatmulOp product, SymbolicDims &dims, const Bounds &bounds) {
  AffineExpr rows = getAffineConstantExpr(1, product.getContext());
  for (AffineExpr dim : dims[product.getResult()].drop_back())
    rows = rows * dim;
  return bounds.getRange(rows).first;
}

/// Values of tiles of blocks, for a matrix of `columns` columns.
static RankedTensorType getUnpackedType(TileMatmulOp product) {
  constexpr int64_t Size = PackTilesOp::Size;
  RankedTensorType lhs = product.getLhs().getType();
  int64_t shape[] = {int64_t(llvm::divideCeil(product.getResult().getType().getShape().back(), Size)),
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
    getOperation().walk([&](TileMatmulOp product) {
      if (!readsBlocks(product) || countRows(product, *dims, bounds) < ManyRows)
        return;
      if (!fillsTiles(cast<RankedTensorType>(product.getRhs().getType()).getDimSize(1),
                      product.getLhs().getType().getShape().back())) {
        remark::missed(product.getLoc(), options)
            << remark::add("a product of many rows takes blocks apart for each tile: its {0} columns do not fill tiles",
                           product.getLhs().getType().getShape().back());
        return;
      }
      OpBuilder builder(product);
      Value values = UnpackTilesOp::create(builder, product.getLoc(), getUnpackedType(product), product.getRhs());
      product.getRhsMutable().assign(values);
      remark::passed(product.getLoc(), options)
          << remark::add("takes blocks apart before a product of {0} rows and more", ManyRows);
    });
  }
};
} // namespace
