// See UnpackBlocks in Passes.td.
#include "compiler/targets/cuda/CudaTarget.h"
#include "compiler/targets/cuda/Passes.h"
#include "compiler/targets/cuda/StepTime.h"
#include "dialects/lathe/Bounds.h"
#include "mlir/IR/Remarks.h"
#include "passes/fusion/ProductRules.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_UNPACKBLOCKS
#include "compiler/targets/cuda/Passes.h.inc"
} // namespace lathe

using namespace lathe;
using namespace lathe::cuda;

using Tensor = TypedValue<RankedTensorType>;

/// Of a product on tiles of blocks, or on blocks that have none.
static bool readsBlocks(Operation *product) {
  if (auto matmul = dyn_cast<MatmulOp>(product))
    return canUnpack(matmul.getLhs().getType(), matmul.getRhs().getType());
  return isa<TileMatmulOp>(product) && isa<GgufTilesType>(getElementTypeOrSelf(product->getOperand(1)));
}

/// The fewest and most rows that a product has: all dimensions but the last are rows.
static std::pair<int64_t, int64_t> countRows(Operation *product, SymbolicDims &dims, const Bounds &bounds) {
  AffineExpr rows = getAffineConstantExpr(1, product->getContext());
  for (AffineExpr dim : dims[product->getResult(0)].drop_back())
    rows = rows * dim;
  return bounds.getRange(rows);
}

/// The values of the weights of a product, in tiles.
static RankedTensorType getUnpackedType(RankedTensorType lhs, RankedTensorType result) {
  constexpr int64_t Size = PackTilesOp::Size;
  int64_t shape[] = {int64_t(llvm::divideCeil(result.getShape().back(), Size)),
                     int64_t(llvm::divideCeil(lhs.getShape().back(), Size)), Size, Size};
  return RankedTensorType::get(shape, lhs.getElementType());
}

/// Products on tiles that read what `first` reads, in its block: as a rule they become one launch.
static SmallVector<Operation *> listTogether(Operation *first) {
  SmallVector<Operation *> together;
  for (Operation *reader : first->getOperand(0).getUsers())
    if (reader->getBlock() == first->getBlock() && reader->getOperand(0) == first->getOperand(0) &&
        isa<TileMatmulOp>(reader) && readsBlocks(reader))
      together.push_back(reader);
  llvm::sort(together, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return together;
}

static ForeseenLaunch foresee(ArrayRef<Operation *> products) {
  ForeseenLaunch launch;
  launch.Rows = getAffineSymbolExpr(0, products.front()->getContext());
  launch.Lhs = cast<RankedTensorType>(products.front()->getOperand(0).getType());
  for (Operation *product : products)
    launch.Weights.push_back(cast<RankedTensorType>(product->getOperand(1).getType()));
  launch.TransposeRhs = launch.Packed = true;
  launch.Meets = launch.HasNorm = false;
  return launch;
}

namespace {
/// A choice for one product, with what it is made by.
struct Choice {
  bool Unpacks;
  std::string Reason;
};

struct UnpackBlocks : lathe::impl::UnpackBlocksBase<UnpackBlocks> {
  using UnpackBlocksBase::UnpackBlocksBase;

  void runOnOperation() override {
    if (std::string error = checkChips(chips); !error.empty()) {
      getOperation().emitError() << error;
      return signalPassFailure();
    }
    if (getOperation().isDeclaration())
      return;
    FailureOr<SymbolicDims> dims = SymbolicDims::compute(getOperation());
    if (failed(dims))
      return signalPassFailure();
    Bounds bounds(dims->getSymbols());
    auto options = remark::RemarkOpts::name("UnpackBlocks").category("fusion");
    // 1. Choose, as products that become one launch are chosen for together.
    llvm::MapVector<Operation *, Choice> choices;
    getOperation().walk([&](Operation *product) {
      if (!readsBlocks(product))
        return;
      auto [fewest, most] = countRows(product, *dims, bounds);
      if (fewest < ManyRows)
        return;
      int64_t columns = cast<Tensor>(product->getOperand(0)).getType().getShape().back();
      if (!fillsTiles(cast<Tensor>(product->getOperand(1)).getType().getDimSize(1), columns)) {
        remark::missed(product->getLoc(), options) << remark::add(
            "a product of many rows takes blocks apart for each tile: its {0} columns do not fill tiles", columns);
        return;
      }
      choices[product] = choose(product, most);
    });
    // 2. Take apart.
    for (auto &[product, choice] : choices) {
      if (!choice.Unpacks) {
        remark::passed(product->getLoc(), options)
            << remark::add("reads blocks as they are in a product of {0} rows and more: {1}", ManyRows, choice.Reason);
        continue;
      }
      auto lhs = cast<Tensor>(product->getOperand(0)), blocks = cast<Tensor>(product->getOperand(1)),
           result = cast<Tensor>(product->getResult(0));
      OpBuilder builder(product);
      Value values =
          UnpackTilesOp::create(builder, product->getLoc(), getUnpackedType(lhs.getType(), result.getType()), blocks);
      remark::passed(product->getLoc(), options)
          << remark::add("takes blocks apart before a product of {0} rows and more{1}", ManyRows, choice.Reason);
      result.replaceAllUsesWith(TileMatmulOp::create(builder, product->getLoc(), result.getType(), lhs, values));
      product->erase();
    }
  }

  Choice choose(Operation *product, int64_t most) {
    if (!isa<TileMatmulOp>(product))
      return {true, ""};
    ForeseenLaunch launch = foresee(listTogether(product));
    Choice choice = {false, ""};
    std::string times;
    for (const std::string &chip : chips) {
      KernelChooser chooser;
      chooser.setChip(chip);
      UnpackTimes predicted = predictUnpacking(launch, chooser, findPtxTarget(chip), most);
      choice.Unpacks |= predicted.Apart <= predicted.Read;
      if (std::isfinite(predicted.Read))
        times += llvm::formatv("{0}{1:F1} us of {2} rows on {3}, {4:F1} taken apart", times.empty() ? "" : "; ",
                               predicted.Read * 1e6, most, chip, predicted.Apart * 1e6);
    }
    choice.Reason = !choice.Unpacks ? times : times.empty() ? "" : ": " + times;
    return choice;
  }
};
} // namespace
