#include "passes/cleanup/Matchers.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace lathe;

std::optional<double> lathe::getScalar(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  if (!elements || !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  APFloat number = elements.getSplatValue<APFloat>();
  bool losesInfo;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

bool lathe::isScalar(Value value, double number) {
  std::optional<double> found = getScalar(value);
  if (!found)
    return false;
  APFloat wanted(number);
  bool losesInfo;
  for (const llvm::fltSemantics *type : {&cast<FloatType>(getElementTypeOrSelf(value)).getFloatSemantics(),
                                         static_cast<const llvm::fltSemantics *>(&APFloat::IEEEdouble())})
    wanted.convert(*type, APFloat::rmNearestTiesToEven, &losesInfo);
  return *found == wanted.convertToDouble();
}

Scaled lathe::splitScale(Value value) {
  Scaled scaled{value};
  while (Operation *op = scaled.value.getDefiningOp()) {
    Value inner;
    double factor = -1;
    if (isa<NegOp>(op)) {
      inner = op->getOperand(0);
    } else if (isa<MulOp, DivOp>(op)) {
      Value lhs = op->getOperand(0), rhs = op->getOperand(1);
      std::optional<double> left = isa<MulOp>(op) ? getScalar(lhs) : std::nullopt, right = getScalar(rhs);
      if (!left && !right)
        break;
      inner = right ? lhs : rhs;
      factor = right ? *right : *left;
      factor = isa<DivOp>(op) ? 1 / factor : factor;
    }
    if (!inner || inner.getType() != scaled.value.getType())
      break;
    scaled = {inner, scaled.factor * factor};
  }
  return scaled;
}

Value lathe::getOther(Operation *op, Value operand) {
  if (op->getOperand(0) == operand)
    return op->getOperand(1);
  return op->getOperand(1) == operand ? op->getOperand(0) : Value();
}

std::optional<int64_t> lathe::getMeanAxis(Value value, Value input) {
  auto mean = value.getDefiningOp<ReduceOp>();
  if (!mean || mean.getKind() != ReduceKind::Mean || !mean.getKeep() || (input && mean.getInput() != input))
    return std::nullopt;
  ArrayRef<int64_t> axes = mean.getAxes();
  int64_t rank = mean.getInput().getType().getRank(), first = rank - int64_t(axes.size());
  if (axes.empty() || !llvm::equal(axes, llvm::seq<int64_t>(first, rank)))
    return std::nullopt;
  return first;
}

Value lathe::getSquareRoot(Value value) {
  if (auto mul = value.getDefiningOp<MulOp>())
    return mul.getLhs() == mul.getRhs() ? mul.getLhs() : Value();
  auto pow = value.getDefiningOp<PowOp>();
  return pow && isScalar(pow.getRhs(), 2) && pow.getLhs().getType() == value.getType() ? pow.getLhs() : Value();
}

/// `sqrt(variance + epsilon)`.
static std::optional<InverseRoot> readRoot(Value value) {
  Value sum;
  if (auto sqrt = value.getDefiningOp<SqrtOp>())
    sum = sqrt.getInput();
  else if (auto pow = value.getDefiningOp<PowOp>(); pow && isScalar(pow.getRhs(), 0.5))
    sum = pow.getLhs();
  if (!sum)
    return std::nullopt;
  if (auto add = sum.getDefiningOp<AddOp>())
    for (auto [variance, epsilon] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
      if (std::optional<double> number = getScalar(epsilon); number && variance.getType() == sum.getType())
        return InverseRoot{variance, *number};
  return InverseRoot{sum, 0};
}

std::optional<InverseRoot> lathe::readInverseRoot(Value value) {
  if (auto reciprocal = value.getDefiningOp<ReciprocalOp>())
    return readRoot(reciprocal.getInput());
  if (auto div = value.getDefiningOp<DivOp>(); div && isScalar(div.getLhs(), 1))
    return readRoot(div.getRhs());
  auto pow = value.getDefiningOp<PowOp>();
  auto add = pow && isScalar(pow.getRhs(), -0.5) ? pow.getLhs().getDefiningOp<AddOp>() : AddOp();
  if (!add)
    return std::nullopt;
  if (std::optional<double> epsilon = getScalar(add.getRhs()))
    return InverseRoot{add.getLhs(), *epsilon};
  return std::nullopt;
}

SmallVector<Standardized, 2> lathe::readStandardized(Operation *op) {
  SmallVector<Standardized, 2> found;
  if (auto div = dyn_cast<DivOp>(op))
    if (std::optional<InverseRoot> root = readRoot(div.getRhs()))
      found.push_back({div.getLhs(), *root});
  if (auto mul = dyn_cast<MulOp>(op))
    for (auto [a, b] : {std::pair(mul.getLhs(), mul.getRhs()), std::pair(mul.getRhs(), mul.getLhs())})
      if (std::optional<InverseRoot> root = readInverseRoot(b))
        found.push_back({a, *root});
  return found;
}

Value lathe::getRowShaped(OpBuilder &builder, Value value, RankedTensorType type, int64_t axis) {
  auto own = cast<RankedTensorType>(value.getType());
  ArrayRef<int64_t> row = type.getShape().drop_front(axis), shape = own.getShape();
  if (ShapedType::isDynamicShape(row) || shape.size() < row.size() || shape.take_back(row.size()) != row ||
      !llvm::all_of(shape.drop_back(row.size()), [](int64_t size) { return size == 1; }))
    return Value();
  if (shape.size() == row.size())
    return value;
  return ReshapeOp::create(builder, value.getLoc(), RankedTensorType::get(row, own.getElementType()), value,
                           builder.getDenseI64ArrayAttr(row));
}

bool lathe::dependsOnWeightsAlone(Value value) {
  // Each operation is looked at once, however many ways lead to it.
  SetVector<Operation *> ops;
  auto add = [&](Value each) { return each.getDefiningOp() && (ops.insert(each.getDefiningOp()), true); };
  if (!add(value))
    return false;
  for (size_t i = 0; i < ops.size(); ++i) {
    Operation *op = ops[i];
    if (isa<WeightOp, ConstantOp, WeightProgramOp>(op))
      continue;
    if (op->getNumRegions() > 0 || !isa<ReferenceOpInterface>(op) || op->getNumOperands() == 0 ||
        !llvm::all_of(op->getOperands(), add))
      return false;
  }
  return true;
}

std::optional<int64_t> lathe::getConstantResult(AffineMap map, unsigned result) {
  auto number = dyn_cast<AffineConstantExpr>(map.getResult(result));
  return number ? std::optional(number.getValue()) : std::nullopt;
}

void lathe::replaceWith(Operation *op, Value value, StringRef pass, const Twine &what) {
  remark::passed(op->getLoc(), remark::RemarkOpts::name(pass).category("cleanup")) << remark::add("{0}", what.str());
  op->getResult(0).replaceAllUsesWith(value);
}

void lathe::refuse(Operation *op, StringRef pass, const Twine &why) {
  remark::missed(op->getLoc(), remark::RemarkOpts::name(pass).category("cleanup")) << remark::reason("{0}", why.str());
}

void lathe::eraseUnread(func::FuncOp function) {
  function.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

void lathe::rewriteEach(func::FuncOp function, llvm::function_ref<void(Operation *)> rewrite) {
  SmallVector<Operation *> ops;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<FusionOp, WeightProgramOp>(op))
      return WalkResult::skip();
    if (op->getNumResults() == 1)
      ops.push_back(op);
    return WalkResult::advance();
  });
  for (Operation *op : ops)
    if (!op->use_empty())
      rewrite(op);
  eraseUnread(function);
}
