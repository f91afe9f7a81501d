// See MultiplyCodes in Passes.td.
#include "dialects/lathe/GgufBlocks.h"
#include "dialects/lathe/LoopOps.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/quantization/WeightValues.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_MULTIPLYCODES
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// Values as codes of 8 bits: (codes - zero) * scale.
struct Codes {
  Value values, zero; ///< of one type
  Value scale;        ///< f32: one, or one for each row of `values`
};

/// Builds what becomes of one product.
class ProductBuilder {
public:
  explicit ProductBuilder(Operation *op) : Op(op), Make(op) {}

  Value number(Type element, double value) {
    Attribute attribute = isa<FloatType>(element) ? Attribute(Make.getFloatAttr(element, value))
                                                  : IntegerAttr::get(element, int64_t(value));
    auto type = RankedTensorType::get({}, element);
    return ConstantOp::create(Make, Op->getLoc(), DenseElementsAttr::get(type, attribute));
  }
  Value cast(Value value, Type element) {
    auto type = llvm::cast<RankedTensorType>(value.getType());
    return type.getElementType() == element ? value : CastOp::create(Make, Op->getLoc(), type.clone(element), value);
  }
  Value reshape(Value value, ArrayRef<int64_t> shape) {
    auto type = llvm::cast<RankedTensorType>(value.getType());
    return type.getShape() == shape ? value : ReshapeOp::create(Make, Op->getLoc(), type.clone(shape), value, shape);
  }
  /// Elementwise, of the type of `a`.
  template <typename Kind> Value apply(Value a, Value b) { return Kind::create(Make, Op->getLoc(), a.getType(), a, b); }
  Value exchangeLast(Value value) {
    auto type = llvm::cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())), shape(type.getShape());
    std::swap(permutation[type.getRank() - 2], permutation[type.getRank() - 1]);
    std::swap(shape[type.getRank() - 2], shape[type.getRank() - 1]);
    return TransposeOp::create(Make, Op->getLoc(), type.clone(shape), value, permutation);
  }

  /// `wholly`: by one operation.
  Codes roundRows(Value rows, bool wholly);
  Codes takeBlocks(Value blocks);
  void replace(Value sums, Value lhsScale, Value rhsScale);

  Operation *Op;
  OpBuilder Make;
};
} // namespace

template <typename Op> static Op find(Value value) { return value ? value.getDefiningOp<Op>() : Op(); }

/// The number that a constant is everywhere.
static std::optional<double> findNumber(Value value) {
  auto constant = find<ConstantOp>(value);
  auto elements = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : DenseFPElementsAttr();
  if (!elements || !elements.isSplat())
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToDouble();
}

static bool isOne(Value value) { return cast<RankedTensorType>(value.getType()).getNumElements() == 1; }

//===- Static scales ----------------------------------------------------------------------------------------------===//

namespace {
/// Where ExpandFakeQuantize has rounded values to codes of 8 bits, one scale and one zero for all.
struct FakeQuantized {
  Value codes, zero, scale; ///< f32
  IntegerType type;
};
} // namespace

static std::optional<FakeQuantized> matchFakeQuantized(Value values) {
  auto product = find<MulOp>(values);
  auto centered = find<SubOp>(product ? product.getLhs() : Value());
  auto lowered = find<MinimumOp>(centered ? centered.getLhs() : Value());
  auto raised = find<MaximumOp>(lowered ? lowered.getLhs() : Value());
  auto sum = find<AddOp>(raised ? raised.getLhs() : Value());
  auto rounded = find<RoundOp>(sum ? sum.getLhs() : Value());
  auto quotient = find<DivOp>(rounded ? rounded.getInput() : Value());
  if (!quotient || quotient.getRhs() != product.getRhs() || sum.getRhs() != centered.getRhs() ||
      !isOne(product.getRhs()) || !isOne(sum.getRhs()))
    return std::nullopt;
  std::optional<double> low = findNumber(raised.getRhs()), high = findNumber(lowered.getRhs());
  if (!low || !high || *low < -128 || *high > 255 || (*low < 0 && *high > 127))
    return std::nullopt;
  auto sign = *low < 0 ? IntegerType::Signless : IntegerType::Unsigned;
  auto type = IntegerType::get(values.getContext(), 8, sign);
  // A zero is a code, too.
  auto from = find<CastOp>(sum.getRhs());
  std::optional<double> zero = findNumber(sum.getRhs());
  bool isCode = from ? from.getInput().getType().getElementType() == type : zero && *zero >= *low && *zero <= *high;
  if (!isCode)
    return std::nullopt;
  return FakeQuantized{lowered, sum.getRhs(), product.getRhs(), type};
}

static Codes takeCodes(ProductBuilder &builder, const FakeQuantized &values) {
  builder.Make.setInsertionPoint(builder.Op);
  return {builder.cast(values.codes, values.type), builder.reshape(builder.cast(values.zero, values.type), {}),
          builder.reshape(values.scale, {})};
}

//===- Scales that follow from the rows ---------------------------------------------------------------------------===//

/// codes = round(x / scale), scale = max |x| / 127 for each row; at least 2^-100, whose reciprocal is a number.
Codes ProductBuilder::roundRows(Value rows, bool wholly) {
  auto type = llvm::cast<RankedTensorType>(rows.getType());
  int64_t last = type.getRank() - 1;
  SmallVector<int64_t> shape(type.getShape());
  shape[last] = 1;
  Type i8 = Make.getI8Type();
  Make.setInsertionPointAfterValue(rows);
  if (wholly) {
    auto round = RoundRowsOp::create(Make, Op->getLoc(), type.clone(i8), type.clone(shape), rows);
    Codes codes{round.getCodes(), number(i8, 0), round.getScales()};
    Make.setInsertionPoint(Op);
    return codes;
  }
  Value magnitudes = AbsOp::create(Make, Op->getLoc(), rows);
  Value most = ReduceOp::create(Make, Op->getLoc(), type.clone(shape), ReduceKind::Max, magnitudes, {last}, true);
  Value even = apply<MulOp>(most, number(Make.getF32Type(), 1.0f / 127));
  Value scale = apply<MaximumOp>(even, number(Make.getF32Type(), 0x1p-100));
  Value inverse = ReciprocalOp::create(Make, Op->getLoc(), scale);
  Value rounded = RoundOp::create(Make, Op->getLoc(), apply<MulOp>(rows, inverse));
  Codes codes{cast(rounded, i8), number(i8, 0), scale};
  Make.setInsertionPoint(Op);
  return codes;
}

//===- Weights ----------------------------------------------------------------------------------------------------===//

/// Why a matrix of weights does not give codes of 8 bits with a scale for each row, or an empty string.
static StringRef findObstacle(Value weights) {
  auto type = cast<RankedTensorType>(weights.getType());
  auto blocks = dyn_cast<BlockedType>(type.getElementType());
  if (!blocks || !type.hasStaticShape() || type.getRank() != 2 || blocks.getCodeBits() != 8 ||
      !isa<IntegerType>(blocks.getCode()))
    return "its weights are not integers of 8 bits";
  if (!isOfWeightsAlone(weights))
    return "its right operand is not made of weights alone";
  if (auto join = weights.getDefiningOp<JoinBlocksOp>()) {
    bool rows = blocks.getRows() == 1 && blocks.getColumns() == type.getDimSize(1);
    bool zeros =
        !join.getZeros() || cast<RankedTensorType>(join.getZeros().getType()).getElementType() == blocks.getCode();
    return rows && zeros && join.getCodes().getType().getShape() == type.getShape()
               ? ""
               : "its weights have several scales in a row";
  }
  std::optional<GgufBlocks> gguf = findGgufBlocks(blocks, type.getDimSize(1));
  return gguf && gguf->hasRowScales ? "" : "its rows have several scales, or no multiple of 32 elements";
}

/// What `findObstacle` finds none for. Everything made here is computed when compiling.
Codes ProductBuilder::takeBlocks(Value blocks) {
  auto type = llvm::cast<RankedTensorType>(blocks.getType());
  int64_t rows = type.getDimSize(0);
  Type f32 = Make.getF32Type(), code = llvm::cast<BlockedType>(type.getElementType()).getCode();
  auto takePart = [&](Value part) { return reshape(part, isOne(part) ? ArrayRef<int64_t>() : ArrayRef(rows)); };
  if (auto join = blocks.getDefiningOp<JoinBlocksOp>())
    return {join.getCodes(), join.getZeros() ? takePart(join.getZeros()) : number(code, 0),
            cast(takePart(join.getScales()), f32)};
  // Values are codes times their row's scale, rounded, so that they give the codes again.
  Value scales = RowScalesOp::create(Make, Op->getLoc(), RankedTensorType::get(rows, f32), blocks);
  Value none =
      EqualOp::create(Make, Op->getLoc(), RankedTensorType::get(rows, Make.getI1Type()), scales, number(f32, 0));
  Value divisors = SelectOp::create(Make, Op->getLoc(), scales.getType(), none, number(f32, 1), scales);
  Value values = CastOp::create(Make, Op->getLoc(), type.clone(f32), blocks);
  Value quotients = apply<DivOp>(values, reshape(divisors, {rows, 1}));
  Value codes = cast(RoundOp::create(Make, Op->getLoc(), quotients), code);
  return {codes, number(code, 0), scales};
}

//===- Products ---------------------------------------------------------------------------------------------------===//

/// Gives readers of the product its sums as floats, times both scales.
void ProductBuilder::replace(Value sums, Value lhsScale, Value rhsScale) {
  Value product = apply<MulOp>(apply<MulOp>(cast(sums, Make.getF32Type()), lhsScale), rhsScale);
  Value result = Op->getResult(0);
  result.replaceAllUsesWith(cast(product, getElementTypeOrSelf(result)));
  SmallVector<Value> operands(Op->getOperands());
  Op->erase();
  eraseUnused(operands);
}

namespace {
class Multiplier {
public:
  explicit Multiplier(bool wholly) : Wholly(wholly) {}
  /// True when it became a product of codes.
  bool visit(MatmulOp matmul);
  bool visit(ConvOp conv);

private:
  bool Wholly;                          ///< rows are rounded by one operation
  llvm::DenseMap<Value, Codes> Rounded; ///< of rows, which several products read
};
} // namespace

static remark::RemarkOpts getOptions() { return remark::RemarkOpts::name("MultiplyCodes").category("quantization"); }

static bool refuse(Operation *op, StringRef reason) {
  remark::missed(op->getLoc(), getOptions()) << remark::add("a product reads floats: {0}", reason);
  return false;
}

bool Multiplier::visit(MatmulOp matmul) {
  auto lhsType = cast<RankedTensorType>(matmul.getLhs().getType());
  std::optional<FakeQuantized> lhs = matchFakeQuantized(matmul.getLhs()), rhs = matchFakeQuantized(matmul.getRhs());
  if (lhsType.getRank() < 2 || !lhsType.getElementType().isF32())
    return refuse(matmul, "its rows are not f32 of rank 2 or more");
  if (rhs && (!lhs || cast<RankedTensorType>(matmul.getRhs().getType()).getRank() < 2))
    return refuse(matmul, "its left operand is not rounded to 8 bits with one scale, as the right one is");
  if (StringRef obstacle = rhs ? "" : findObstacle(matmul.getRhs()); !obstacle.empty())
    return refuse(matmul, obstacle);
  ProductBuilder builder(matmul);
  Codes right = rhs ? takeCodes(builder, *rhs) : builder.takeBlocks(matmul.getRhs());
  if (rhs && !matmul.getTransposeRhs())
    right.values = builder.exchangeLast(right.values);
  Codes left;
  if (lhs) {
    left = takeCodes(builder, *lhs);
  } else {
    Codes &known = Rounded[matmul.getLhs()];
    left = known = known.values ? known : builder.roundRows(matmul.getLhs(), Wholly);
  }
  remark::passed(matmul.getLoc(), getOptions())
      << remark::add("a product multiplies codes of 8 bits, rows {0}", lhs ? "with the model's scale" : "rounded each");
  auto type = matmul.getResult().getType().clone(builder.Make.getI32Type());
  Value sums =
      IntegerMatmulOp::create(builder.Make, matmul.getLoc(), type, left.values, left.zero, right.values, right.zero);
  builder.replace(sums, left.scale, right.scale);
  return true;
}

bool Multiplier::visit(ConvOp conv) {
  std::optional<FakeQuantized> image = matchFakeQuantized(conv.getInput());
  auto shaped = find<ReshapeOp>(conv.getFilter());
  auto values = find<CastOp>(shaped ? shaped.getInput() : Value());
  if (!image)
    return refuse(conv, "its image is not rounded to 8 bits with one scale");
  if (StringRef obstacle = values ? findObstacle(values.getInput()) : "its filters are not integers of 8 bits";
      !obstacle.empty())
    return refuse(conv, obstacle);
  if (values.getInput().getType().getDimSize(0) != conv.getFilter().getType().getDimSize(0))
    return refuse(conv, "its filters are not the rows of a matrix of codes");
  ProductBuilder builder(conv);
  Codes left = takeCodes(builder, *image), right = builder.takeBlocks(values.getInput());
  RankedTensorType filter = conv.getFilter().getType(), result = conv.getResult().getType();
  right.values = builder.reshape(right.values, filter.getShape());
  // Sizes over the dimensions of all operands, in order.
  MLIRContext *context = conv.getContext();
  auto size = [&](unsigned d) { return getAffineSymbolExpr(d, context); };
  SmallVector<AffineExpr> sizes = {size(0), size(4)};
  for (unsigned d : {0u, 1u}) {
    int64_t extent = conv.getDilations()[d] * (filter.getDimSize(d + 2) - 1) + 1;
    AffineExpr room = size(d + 2) + (conv.getPads()[d] + conv.getPads()[d + 2] - extent);
    sizes.push_back(room.floorDiv(conv.getStrides()[d]) + 1);
  }
  unsigned symbols = 8 + unsigned(cast<RankedTensorType>(right.zero.getType()).getRank());
  remark::passed(conv.getLoc(), getOptions()) << remark::add("a convolution multiplies codes of 8 bits");
  Value sums =
      IntegerConvOp::create(builder.Make, conv.getLoc(), result.clone(builder.Make.getI32Type()), left.values,
                            left.zero, right.values, right.zero, conv.getStrides(), conv.getPads().take_front(2),
                            conv.getDilations(), conv.getGroups(), AffineMap::get(0, symbols, sizes, context));
  Value scale = isOne(right.scale) ? right.scale : builder.reshape(right.scale, {filter.getDimSize(0), 1, 1});
  builder.replace(sums, left.scale, scale);
  return true;
}

namespace {
struct MultiplyCodes : lathe::impl::MultiplyCodesBase<MultiplyCodes> {
  using MultiplyCodesBase::MultiplyCodesBase;

  void runOnOperation() override {
    if (target != "cpu" && target != "cuda") {
      getOperation().emitError() << "target is '" << target << "', needed cpu or cuda";
      return signalPassFailure();
    }
    Multiplier multiplier(/*wholly=*/target == "cuda");
    bool any = false;
    getOperation().walk([&](Operation *op) {
      if (auto matmul = dyn_cast<MatmulOp>(op))
        any |= multiplier.visit(matmul);
      else if (auto conv = dyn_cast<ConvOp>(op))
        any |= multiplier.visit(conv);
    });
    if (any || target == "cpu")
      return;
    getOperation().emitError() << "has no product that could multiply integers of 8 bits; quantize weights to int8, or "
                                  "choose other activations";
    signalPassFailure();
  }
};
} // namespace
