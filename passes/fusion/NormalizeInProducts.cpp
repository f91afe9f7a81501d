// See NormalizeInProducts in Passes.td.
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/SymbolicDims.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/fusion/OpGroups.h"
#include "passes/fusion/ProductRules.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_NORMALIZEINPRODUCTS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// The norm of a fusion that does nothing else but cast it, or null.
static RmsNormOp getNorm(FusionOp fusion) {
  Block &body = fusion.getBody().front();
  auto norm = dyn_cast<RmsNormOp>(body.front());
  bool alone = norm && fusion.getNumResults() == 1 && isa<BlockArgument>(norm.getInput()) &&
               isa<BlockArgument>(norm.getWeight()) &&
               llvm::all_of(body.without_terminator(), [&](Operation &op) { return &op == norm || isa<CastOp>(op); });
  return alone ? norm : RmsNormOp();
}

static bool isFewRows(FusionOp fusion) {
  KernelAttr kernel = fusion.getKernelAttr();
  auto variant = kernel ? kernel.getConfig().getAs<StringAttr>("variant") : StringAttr();
  return kernel && kernel.getKernelTemplate() == "tile_matmul" && variant && variant.getValue() == "few_rows";
}

/// The only fusion that reads the result of `fusion`, where that is of products of few rows; null otherwise.
static FusionOp getProducts(FusionOp fusion) {
  Value result = fusion.getResult(0);
  auto reader = result.hasOneUse() ? dyn_cast<FusionOp>(*result.user_begin()) : FusionOp();
  return reader && reader->getBlock() == fusion->getBlock() && isFewRows(reader) ? reader : FusionOp();
}

/// Why `products` cannot normalize what `norm` does, or an empty string.
static std::string findObstacle(FusionOp norm, FusionOp products, SymbolicDims &dims, const Bounds &bounds) {
  OpOperand &use = *norm.getResult(0).use_begin();
  BlockArgument rows = products.getBody().getArgument(use.getOperandNumber());
  for (OpOperand &inner : rows.getUses())
    if (!isa<TileMatmulOp>(inner.getOwner()) || inner.getOperandNumber() != 0)
      return "something else reads it in their kernel";
  for (Operation *root : getRoots(products))
    if (cast<TileMatmulOp>(root).getLhs() != rows)
      return "another product of their kernel reads other rows";
  if (cast<RankedTensorType>(rows.getType()).getElementType().isF32())
    return "they are f32, which products round to tf32 where they read them";
  AffineExpr count = getAffineConstantExpr(1, norm.getContext());
  ArrayRef<AffineExpr> sizes = dims[norm.getResult(0)];
  for (AffineExpr size : sizes.drop_back())
    count = size * count;
  int64_t columns = cast<RankedTensorType>(norm.getResult(0).getType()).getShape().back();
  int64_t elements = int64_t(llvm::PowerOf2Ceil(bounds.getRange(count).second)) * columns;
  if (elements > MostNormalized)
    return llvm::formatv("{0} elements leave no room in shared memory, at most {1} do", elements, MostNormalized);
  return "";
}

namespace {
struct NormalizeInProducts : lathe::impl::NormalizeInProductsBase<NormalizeInProducts> {
  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    FailureOr<SymbolicDims> dims = SymbolicDims::compute(getOperation());
    if (failed(dims))
      return signalPassFailure();
    Bounds bounds(dims->getSymbols());
    SmallVector<std::pair<FusionOp, FusionOp>> pairs;
    getOperation().walk([&](FusionOp fusion) {
      FusionOp products = getNorm(fusion) ? getProducts(fusion) : FusionOp();
      if (!products)
        return;
      auto options = remark::RemarkOpts::name("NormalizeInProducts").category("fusion");
      if (std::string obstacle = findObstacle(fusion, products, *dims, bounds); !obstacle.empty())
        remark::missed(fusion.getLoc(), options)
            << remark::add("a norm is a launch of its own beside the products that read it: {0}", obstacle);
      else
        pairs.push_back({fusion, products});
    });
    for (auto [norm, products] : pairs) {
      KernelAttr kernel = products.getKernelAttr();
      FusionOp merged = mergeFusions({norm, products});
      merged.setKernelAttr(KernelAttr::get(&getContext(), kernel.getKernelTemplate(), kernel.getConfig(),
                                           kernel.getReason().str() + "; normalizes its rows"));
      remark::passed(merged.getLoc(), remark::RemarkOpts::name("NormalizeInProducts").category("fusion"))
          << remark::add("products of few rows normalize the rows that they read");
    }
  }
};
} // namespace
