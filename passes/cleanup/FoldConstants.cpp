// See FoldConstants in Passes.td.
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// What a constant written in the program may take. Anything larger belongs into the artifact's weights.
static constexpr int64_t LargestConstant = 64 * 1024;

/// True when the values, which are tensors of static shape, take few enough bytes.
static bool areSmall(ValueRange values) {
  return llvm::all_of(values, [](Value value) {
    FailureOr<int64_t> bytes = getTensorBytes(cast<RankedTensorType>(value.getType()));
    return succeeded(bytes) && *bytes <= LargestConstant;
  });
}

static bool isFoldable(Operation *op) {
  auto isStatic = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape() && tensor.getElementType().isIntOrFloat();
  };
  return isa<ReferenceOpInterface>(op) && op->getNumRegions() == 0 && op->getNumOperands() > 0 &&
         llvm::all_of(op->getResultTypes(), isStatic) && llvm::all_of(op->getOperands(), [](Value value) {
           return isa_and_nonnull<ConstantOp>(value.getDefiningOp());
         });
}

static DenseElementsAttr makeElements(const ReferenceValue &value) {
  auto type = RankedTensorType::get(value.getShape(), value.getType());
  SmallVector<Attribute> elements;
  for (int64_t i = 0, n = value.getNumElements(); i < n; ++i)
    if (isa<FloatType>(value.getType()))
      elements.push_back(FloatAttr::get(value.getType(), value.getFloat(i)));
    else
      elements.push_back(IntegerAttr::get(value.getType(), APInt(value.getType().getIntOrFloatBitWidth(),
                                                                 uint64_t(value.getInt(i)), /*isSigned=*/false,
                                                                 /*implicitTrunc=*/true)));
  return DenseElementsAttr::get(type, elements);
}

static void refuse(Operation *op, StringRef reason) {
  remark::missed(op->getLoc(), remark::RemarkOpts::name("FoldConstants").category("cleanup"))
      << remark::reason("{0}", reason);
}

static void fold(Operation *op) {
  if (!areSmall(op->getOperands()) || !areSmall(op->getResults()))
    return refuse(op, "an operand or result takes more than 65536 bytes");
  SmallVector<ReferenceValue> operands, results;
  for (Value operand : op->getOperands())
    operands.push_back(ReferenceValue::fromElements(operand.getDefiningOp<ConstantOp>().getValue()));
  // What the reference refuses, kernels still run: it becomes a remark, not an error.
  std::string problem;
  bool evaluated;
  {
    ScopedDiagnosticHandler handler(op->getContext(), [&](Diagnostic &diagnostic) {
      problem = diagnostic.str();
      return success();
    });
    evaluated = succeeded(cast<ReferenceOpInterface>(op).evaluate(operands, results));
  }
  if (!evaluated)
    return refuse(op, problem);
  OpBuilder builder(op);
  for (auto [result, value] : llvm::zip_equal(op->getResults(), results))
    result.replaceAllUsesWith(
        ConstantOp::create(builder, op->getLoc(), result.getType(), makeElements(value)).getResult());
  op->erase();
}

namespace {
struct FoldConstants : lathe::impl::FoldConstantsBase<FoldConstants> {
  void runOnOperation() override {
    getOperation()->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<WeightProgramOp, FusionOp>(op))
        return WalkResult::skip();
      if (isFoldable(op)) {
        fold(op);
        return WalkResult::skip();
      }
      return WalkResult::advance();
    });
    getOperation()->walk([](ConstantOp constant) {
      if (constant.use_empty())
        constant.erase();
    });
  }
};
} // namespace
