// See RegroupBlocks in Passes.td.
#include "dialects/lathe/GgufBlocks.h"
#include "dialects/lathe/RowBlocks.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Passes.h"
#include "passes/quantization/NarrowProducts.h"
#include "passes/quantization/RoundRows.h"
#include "passes/quantization/WeightValues.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_REGROUPBLOCKS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// Elements of a row that a thread unpacks at a time.
static constexpr int64_t Granule = 32;

/// The operand of an operation that may be weights in blocks; null where it has none.
static OpOperand *findBlocks(Operation *op) {
  OpOperand *operand = isa<MatmulOp, ExpertMatmulOp>(op) ? &op->getOpOperand(1)
                       : isa<GatherOp>(op)               ? &op->getOpOperand(0)
                                                         : nullptr;
  return operand && isa<BlockedType>(getElementTypeOrSelf(operand->get())) ? operand : nullptr;
}

/// The type of blocks one row high that CUDA's kernels read; null where rows do not fill granules.
static BlockedType findRowBlocks(BlockedType type, int64_t columns) {
  BlockedType rows = getRowBlocks(type, columns);
  int64_t width = rows ? rows.getColumns() : 0;
  bool fits = rows && columns % Granule == 0 && (width % Granule == 0 || width == 16 || width == 8);
  fits &= rows && (isa<NoneType>(rows.getZero()) || rows.getZero().isInteger(8));
  return fits && (rows.getCodeBits() <= 4 || rows.getCodeBits() == 8) ? rows : BlockedType();
}

namespace {
/// Replaces the blocked weights of one function.
class Regrouper {
public:
  void visit(OpOperand &use);

private:
  enum class Form { Gguf, Rows, Values, Scales };
  /// A form of `weights`, made once.
  template <typename Make> Value get(Value weights, Form form, Type element, Make make) {
    Value &known = Made[{weights, std::pair(int(form), element)}];
    if (!known) {
      OpBuilder builder(weights.getContext());
      builder.setInsertionPointAfterValue(weights);
      known = make(builder);
    }
    return known;
  }
  Value pack(Value weights, Type element) {
    RankedTensorType type = cast<RankedTensorType>(weights.getType()).clone(element);
    if (type == weights.getType())
      return weights;
    return get(weights, Form::Rows, element, [&](OpBuilder &builder) {
      return PackBlocksOp::create(builder, weights.getLoc(), type, weights).getResult();
    });
  }
  void unpack(OpOperand &use);
  RoundRowsOp round(const RoundedRows &rows, Type written);
  bool multiplyCodes(MatmulOp matmul, Value weights);
  void scaleRows(MatmulOp matmul, Value weights);

  llvm::DenseMap<std::pair<Value, std::pair<int, Type>>, Value> Made;
  llvm::DenseMap<Value, RoundRowsOp> Rounded; ///< by the values of the rows
};
} // namespace

/// Values in place of blocks: of the type that the other operand of a product has, of a table f32.
void Regrouper::unpack(OpOperand &use) {
  Value weights = use.get();
  Operation *op = use.getOwner();
  Type element = isa<GatherOp>(op) ? Float32Type::get(op->getContext()) : getElementTypeOrSelf(op->getOperand(0));
  RankedTensorType type = cast<RankedTensorType>(weights.getType()).clone(element);
  use.set(get(weights, Form::Values, element, [&](OpBuilder &builder) {
    return CastOp::create(builder, weights.getLoc(), type, weights).getResult();
  }));
}

/// Multiplies the columns of a product with the factors of the rows of its weights, in f32.
void Regrouper::scaleRows(MatmulOp matmul, Value weights) {
  auto type = cast<RankedTensorType>(weights.getType());
  Type f32 = Float32Type::get(matmul.getContext());
  Value scales = get(weights, Form::Scales, f32, [&](OpBuilder &builder) {
    return RowScalesOp::create(builder, weights.getLoc(), RankedTensorType::get(type.getDimSize(0), f32), weights)
        .getResult();
  });
  OpBuilder builder(matmul->getContext());
  builder.setInsertionPointAfter(matmul);
  RankedTensorType result = matmul.getResult().getType();
  matmul.getResult().setType(result.clone(f32));
  auto scaled = MulOp::create(builder, matmul.getLoc(), result.clone(f32), matmul.getResult(), scales);
  Value last = scaled;
  if (!result.getElementType().isF32())
    last = CastOp::create(builder, matmul.getLoc(), result, last);
  matmul.getResult().replaceAllUsesExcept(last, scaled);
}

/// The operation that rounds `rows`, made once. It reads them as they come: in 16 bits what was widened, in f32 the
/// result of a norm that nothing else reads, which it computes itself, and else in the type `written`, which other
/// kernels write.
RoundRowsOp Regrouper::round(const RoundedRows &rows, Type written) {
  RoundRowsOp &known = Rounded[rows.values];
  if (known)
    return known;
  OpBuilder builder(rows.values.getContext());
  builder.setInsertionPointAfterValue(rows.values);
  Location location = rows.values.getLoc();
  auto type = cast<RankedTensorType>(rows.input.getType());
  bool ofNorm =
      rows.input.getDefiningOp<RmsNormOp>() && llvm::all_of(rows.input.getUsers(), llvm::IsaPred<AbsOp, MulOp>);
  Value input = ofNorm ? rows.input : castTo(builder, rows.input, written);
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = 1;
  known = RoundRowsOp::create(builder, location, type.clone(rows.code), type.clone(shape), input);
  return known;
}

/// Multiplies codes on both sides, where the rows were rounded to them, and their scales with the sums.
bool Regrouper::multiplyCodes(MatmulOp matmul, Value weights) {
  auto type = cast<RankedTensorType>(weights.getType());
  std::optional<RoundedRows> rows = matchRoundedRows(matmul.getLhs());
  if (!rows || !isFloat8Rows(cast<BlockedType>(type.getElementType()), type.getShape().back()))
    return false;
  Type f32 = Float32Type::get(matmul.getContext());
  RoundRowsOp rounding = round(*rows, matmul.getLhs().getType().getElementType());
  matmul.getLhsMutable().assign(rounding.getCodes());
  matmul.getRhsMutable().assign(pack(weights, rows->code));
  scaleRows(matmul, weights);
  // Behind the product, and in front of the factors of its columns.
  OpBuilder builder(matmul->getContext());
  builder.setInsertionPointAfter(matmul);
  auto scaled = MulOp::create(builder, matmul.getLoc(), matmul.getResult().getType().clone(f32), matmul.getResult(),
                              rounding.getScales());
  matmul.getResult().replaceAllUsesExcept(scaled, scaled);
  return true;
}

void Regrouper::visit(OpOperand &use) {
  Value weights = use.get();
  auto type = cast<RankedTensorType>(weights.getType());
  if (!isOfWeightsAlone(weights) || type.getRank() < 2)
    return;
  auto blocks = cast<BlockedType>(type.getElementType());
  auto matmul = dyn_cast<MatmulOp>(use.getOwner());
  bool scalable = matmul && type.getRank() == 2;
  auto options = remark::RemarkOpts::name("RegroupBlocks").category("fusion");
  if (scalable && multiplyCodes(matmul, weights)) {
    remark::passed(matmul.getLoc(), options) << remark::add("multiplies codes of f8E4M3FN on both sides");
    return;
  }
  std::optional<GgufBlocks> gguf = findGgufBlocks(blocks, type.getShape().back());
  if (gguf && (!gguf->hasRowScales || scalable)) {
    remark::passed(use.getOwner()->getLoc(), options)
        << remark::add("reads {0} as {1}{2}", blocks, gguf->format,
                       gguf->hasRowScales ? ", and multiplies with a factor for each row" : "");
    use.set(pack(weights, GgufType::get(type.getContext(), gguf->format)));
    if (gguf->hasRowScales)
      scaleRows(matmul, weights);
  } else if (BlockedType rows = findRowBlocks(blocks, type.getShape().back())) {
    remark::passed(use.getOwner()->getLoc(), options)
        << remark::add("reads {0} in blocks one row high, each with its scale", blocks);
    use.set(pack(weights, rows));
  } else {
    remark::missed(use.getOwner()->getLoc(), options)
        << remark::add("reads values, not {0}: rows of {1} do not fill granules of {2}, or no kernel unpacks its codes",
                       blocks, type.getShape().back(), Granule);
    unpack(use);
  }
}

namespace {
struct RegroupBlocks : lathe::impl::RegroupBlocksBase<RegroupBlocks> {
  void runOnOperation() override {
    Regrouper regrouper;
    getOperation().walk([&](Operation *op) {
      if (OpOperand *use = findBlocks(op))
        regrouper.visit(*use);
    });
    // The floats that codes stand for now.
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }
};
} // namespace
