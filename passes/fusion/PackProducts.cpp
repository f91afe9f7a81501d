// See PackProducts in Passes.td.
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/fusion/ProductRules.h"
#include "runtime/gguf/BlockPanels.h"
#include "runtime/gguf/MatrixTiles.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PACKPRODUCTS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static bool isWeight(Value value) {
  return isa_and_nonnull<WeightOp, ConstantOp, WeightProgramOp>(value.getDefiningOp());
}

/// Why the right operand of a product stays as it is, or an empty string.
static StringRef findObstacle(MatmulOp matmul) {
  RankedTensorType rhs = matmul.getRhs().getType();
  if (!isWeight(matmul.getRhs()))
    return "its right operand is no weight";
  if (rhs.getRank() != 2 || !rhs.hasStaticShape())
    return "its right operand is not one matrix of known size";
  if (!isa<FloatType>(rhs.getElementType()))
    return "its weights are in blocks and are read as they are";
  return "";
}

static void pack(MatmulOp matmul) {
  OpBuilder builder(matmul);
  RankedTensorType rhs = matmul.getRhs().getType();
  bool transposed = matmul.getTransposeRhs();
  int64_t k = rhs.getDimSize(transposed ? 1 : 0), n = rhs.getDimSize(transposed ? 0 : 1);
  constexpr int64_t Columns = PackColumnsOp::Columns;
  auto type = RankedTensorType::get({int64_t(llvm::divideCeil(n, Columns)), k, Columns}, rhs.getElementType());
  Value panels = PackColumnsOp::create(builder, matmul.getLoc(), type, matmul.getRhs(), transposed);
  auto product = PanelMatmulOp::create(builder, matmul.getLoc(), matmul.getResult().getType(), matmul.getLhs(), panels);
  matmul.getResult().replaceAllUsesWith(product);
  matmul.erase();
}

/// Blocks become panels; panels stay. A table that is gathered from too, as models with tied embeddings do, is read
/// from the panels as well: it would stand in the artifact twice.
static void packBlocks(Int8MatmulOp product) {
  Value weight = product.getRhs();
  auto rhs = cast<RankedTensorType>(weight.getType());
  auto blocks = dyn_cast<GgufType>(rhs.getElementType());
  if (!blocks)
    return;
  OpBuilder builder(product);
  builder.setInsertionPointAfterValue(weight);
  constexpr int64_t Rows = gguf::BlockPanels::Rows;
  int64_t shape[] = {int64_t(llvm::alignTo(rhs.getDimSize(0), Rows)), rhs.getDimSize(1)};
  auto type = RankedTensorType::get(shape, GgufPanelsType::get(product.getContext(), blocks.getFormat()));
  Value panels = PackBlocksOp::create(builder, product.getLoc(), type, weight);
  weight.replaceUsesWithIf(panels, [](OpOperand &use) {
    return isa<Int8MatmulOp>(use.getOwner()) || (isa<GatherOp>(use.getOwner()) && use.getOperandNumber() == 0);
  });
  remark::passed(product.getLoc(), remark::RemarkOpts::name("PackProducts").category("fusion"))
      << remark::add("packs weights of {0} into panels of {1} rows", rhs, Rows);
}

/// As findObstacle, on CUDA. `tf32`: whether products of f32 may round their operands.
static std::string findTileObstacle(MatmulOp matmul, bool tf32) {
  if (!isWeight(matmul.getRhs()))
    return "its right operand is no weight";
  return findTileObstacle(matmul.getLhs().getType(), matmul.getRhs().getType(), tf32);
}

static Value makeTiles(OpBuilder &builder, Location location, Value matrix) {
  auto type = cast<RankedTensorType>(matrix.getType());
  constexpr int64_t Rows = gguf::MatrixTiles::Rows;
  gguf::MatrixTiles tiles{type.getElementTypeBitWidth() / 8};
  int64_t shape[] = {int64_t(llvm::divideCeil(type.getDimSize(0), Rows)), tiles.count(type.getDimSize(1)), Rows,
                     tiles.columns()};
  return PackTilesOp::create(builder, location, RankedTensorType::get(shape, type.getElementType()), matrix);
}

/// The weights of a product in tiles.
static Value makeTiles(OpBuilder &builder, MatmulOp matmul) {
  Location location = matmul.getLoc();
  Value weights = matmul.getRhs();
  auto type = cast<RankedTensorType>(weights.getType());
  if (hasTiles(type))
    return PackBlocksOp::create(builder, location, getBlockTiles(type), weights);
  if (!matmul.getTransposeRhs()) {
    type = RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
    weights = TransposeOp::create(builder, location, type, weights, ArrayRef<int64_t>{1, 0});
  }
  return makeTiles(builder, location, weights);
}

static void packTiles(MatmulOp matmul) {
  OpBuilder builder(matmul);
  Value tiles = makeTiles(builder, matmul);
  auto product = TileMatmulOp::create(builder, matmul.getLoc(), matmul.getResult().getType(), matmul.getLhs(), tiles);
  matmul.getResult().replaceAllUsesWith(product);
  matmul.erase();
}

static bool is16Bit(Type element) { return element.isF16() || element.isBF16(); }

/// As findTileObstacle, of products with experts.
static std::string findTileObstacle(ExpertMatmulOp product) {
  static constexpr int64_t MaxExperts = 511; // ExpertMatmulSm90::MaxExperts
  RankedTensorType weights = product.getWeights().getType();
  if (!isWeight(product.getWeights()))
    return "its experts are no weights";
  if (weights.getRank() != 3 || !weights.hasStaticShape())
    return "its experts are not some matrices of known size";
  if (!is16Bit(weights.getElementType()) || weights.getElementType() != product.getInput().getType().getElementType())
    return "its experts are not of 16 bits, as their rows must be too";
  if (weights.getDimSize(0) > MaxExperts)
    return llvm::formatv("at most {0} experts are sorted", MaxExperts);
  if (weights.getDimSize(1) % gguf::MatrixTiles::Rows != 0)
    return llvm::formatv("matrices of {0} rows do not fill tiles of {1}", weights.getDimSize(1),
                         gguf::MatrixTiles::Rows);
  return "";
}

/// The matrices of all experts as one, which is packed.
static void packTiles(ExpertMatmulOp product) {
  OpBuilder builder(product);
  RankedTensorType weights = product.getWeights().getType();
  auto matrix = RankedTensorType::get({weights.getDimSize(0) * weights.getDimSize(1), weights.getDimSize(2)},
                                      weights.getElementType());
  Value rows = ReshapeOp::create(builder, product.getLoc(), matrix, product.getWeights(), matrix.getShape());
  product.getWeightsMutable().assign(makeTiles(builder, product.getLoc(), rows));
}

namespace {
struct PackProducts : lathe::impl::PackProductsBase<PackProducts> {
  using PackProductsBase::PackProductsBase;

  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    if (target != "cpu" && target != "cuda") {
      getOperation().emitError() << "target is '" << target << "', needed cpu or cuda";
      return signalPassFailure();
    }
    bool cuda = target == "cuda";
    auto options = remark::RemarkOpts::name("PackProducts").category("fusion");
    for (MatmulOp matmul : llvm::make_early_inc_range(getOperation().getBody().front().getOps<MatmulOp>())) {
      if (std::string obstacle = cuda ? findTileObstacle(matmul, tf32) : findObstacle(matmul).str();
          !obstacle.empty()) {
        remark::missed(matmul.getLoc(), options) << remark::add("a product is not packed: {0}", obstacle);
        continue;
      }
      if (cuda) {
        remark::passed(matmul.getLoc(), options)
            << remark::add("packs weights of {0} into tiles", matmul.getRhs().getType());
        packTiles(matmul);
        continue;
      }
      remark::passed(matmul.getLoc(), options) << remark::add("packs weights of {0} into panels of {1} columns",
                                                              matmul.getRhs().getType(), PackColumnsOp::Columns);
      pack(matmul);
    }
    if (!cuda) {
      for (auto product : getOperation().getBody().front().getOps<Int8MatmulOp>())
        packBlocks(product);
      return;
    }
    for (auto product : llvm::make_early_inc_range(getOperation().getBody().front().getOps<ExpertMatmulOp>())) {
      if (product.getWeights().getType().getRank() == 4)
        continue; // packed already
      RankedTensorType weights = product.getWeights().getType();
      if (std::string obstacle = findTileObstacle(product); !obstacle.empty()) {
        remark::missed(product.getLoc(), options) << remark::add("experts are not packed: {0}", obstacle);
        continue;
      }
      remark::passed(product.getLoc(), options) << remark::add("packs experts of {0} into tiles", weights);
      packTiles(product);
    }
  }
};
} // namespace
