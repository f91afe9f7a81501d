// See ReadBlocks in Passes.td.
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/quantization/WeightValues.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_READBLOCKS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// Blocks of fewer columns than this are looked up more often than they are read.
static constexpr int64_t FewestColumns = 8;

namespace {
/// Blocks that a float operand was cast from.
struct BlockSource {
  Value blocks;            ///< null: there are none
  bool transposed = false; ///< on the way
};
} // namespace

static BlockSource findBlocks(Value values) {
  BlockSource source;
  for (Operation *op = values.getDefiningOp(); op; op = values.getDefiningOp()) {
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      if (transpose.getPermutation() != ArrayRef<int64_t>{1, 0})
        return {};
      source.transposed = !source.transposed;
    } else if (auto cast = dyn_cast<CastOp>(op); !cast || !isa<FloatType>(getElementTypeOrSelf(values))) {
      return {};
    }
    values = op->getOperand(0);
    if (isa<QuantizedTypeInterface>(getElementTypeOrSelf(values))) {
      source.blocks = values;
      return source;
    }
  }
  return {};
}

/// The transposed matrix's type. One scale for all is one for each of its rows, whatever rows there are.
static RankedTensorType transposeType(JoinBlocksOp join) {
  RankedTensorType type = join.getResult().getType();
  auto blocks = cast<BlockedType>(type.getElementType());
  int64_t rows = type.getDimSize(1), columns = type.getDimSize(0);
  auto isOne = [](Value part) { return !part || cast<RankedTensorType>(part.getType()).getNumElements() == 1; };
  bool shared = isOne(join.getScales()) && isOne(join.getZeros());
  auto turned = BlockedType::get(type.getContext(), blocks.getCode(), shared ? 1 : blocks.getColumns(),
                                 shared ? columns : blocks.getRows(), blocks.getScale(), blocks.getZero(),
                                 blocks.getOuterScale());
  return RankedTensorType::get({rows, columns}, turned);
}

/// The blocks of the transposed matrix, from transposed parts.
static Value transposeBlocks(JoinBlocksOp join) {
  OpBuilder builder(join);
  auto transpose = [&](Value value) -> Value {
    if (!value)
      return value;
    auto from = cast<RankedTensorType>(value.getType());
    int64_t shape[] = {from.getDimSize(1), from.getDimSize(0)};
    return TransposeOp::create(builder, join.getLoc(), from.clone(shape), value, ArrayRef<int64_t>{1, 0});
  };
  return JoinBlocksOp::create(builder, join.getLoc(), transposeType(join), transpose(join.getCodes()),
                              transpose(join.getScales()), transpose(join.getZeros()));
}

/// Why kernels do not read blocks of this type, or an empty string.
static std::string findObstacle(RankedTensorType type) {
  auto blocks = dyn_cast<BlockedType>(type.getElementType());
  if (!blocks)
    return "";
  if (blocks.getBlockShape()[1] < std::min(FewestColumns, type.getDimSize(1)))
    return llvm::formatv("its scales change after {0} elements of a row", blocks.getBlockShape()[1]);
  return "";
}

/// The blocks that the operand is to be read as: along k, the last dimension, with `alongK`; null where it stays.
static Value chooseBlocks(OpOperand &use, bool alongK) {
  BlockSource source = findBlocks(use.get());
  if (!source.blocks)
    return {};
  auto options = remark::RemarkOpts::name("ReadBlocks").category("quantization");
  auto refuse = [&](StringRef reason) -> Value {
    remark::missed(use.getOwner()->getLoc(), options) << remark::add("blocks are read as floats: {0}", reason);
    return {};
  };
  bool turned = source.transposed == alongK;
  auto join = source.blocks.getDefiningOp<JoinBlocksOp>();
  if (turned && !join)
    return refuse("they do not run along the dimension that is summed over");
  if (turned && join.getCodes().getType().getShape() != join.getResult().getType().getShape())
    return refuse("their codes are packed across the dimension that is summed over");
  auto type = turned ? transposeType(join) : cast<RankedTensorType>(source.blocks.getType());
  if (std::string obstacle = findObstacle(type); !obstacle.empty())
    return refuse(obstacle);
  return turned ? transposeBlocks(join) : source.blocks;
}

static void readBlocks(MatmulOp matmul) {
  OpOperand &use = matmul.getRhsMutable();
  if (cast<RankedTensorType>(use.get().getType()).getRank() != 2)
    return;
  Value blocks = chooseBlocks(use, matmul.getTransposeRhs());
  if (!blocks)
    return;
  Value before = use.get();
  use.set(blocks);
  matmul.setTransposeRhs(true);
  eraseUnused(before);
}

static void readBlocks(GatherOp gather) {
  OpOperand &use = gather.getTableMutable();
  Value blocks = chooseBlocks(use, /*alongK=*/true);
  if (!blocks)
    return;
  Value before = use.get();
  use.set(blocks);
  widenGather(gather);
  eraseUnused(before);
}

namespace {
struct ReadBlocks : lathe::impl::ReadBlocksBase<ReadBlocks> {
  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (auto matmul = dyn_cast<MatmulOp>(op))
        readBlocks(matmul);
      else if (auto gather = dyn_cast<GatherOp>(op))
        readBlocks(gather);
    });
  }
};
} // namespace
