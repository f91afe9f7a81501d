#include "compiler/targets/cpu/KernelBody.h"
#include "dialects/lathe/Sizes.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

bool cpu::isGenerated(Operation *op) { return isElementwise(op) || isa<ReshapeOp, TransposeOp>(op); }

/// Templates read their operands in f32, whatever they are stored in.
static bool isReadAsF32(Value value) {
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  return element.isF32() || element.isF16() || element.isBF16() || isa<QuantizedTypeInterface>(element);
}

int64_t KernelBody::getLayer(Operation *op) {
  if (auto append = dyn_cast<AppendKvOp>(op))
    return append.getLayer();
  if (auto attention = dyn_cast<PagedAttentionOp>(op))
    return attention.getLayer();
  return -1;
}

FailureOr<KernelBody> KernelBody::analyze(plan::LaunchOp launch) {
  KernelBody body;
  body.Launch = launch;
  body.NumSizes = launch.getDynamicDims(&body.DimIndices).size();
  MLIRContext *context = launch.getContext();
  for (BlockArgument argument : body.getBlock().getArguments()) {
    DimList &dims = body.Dims[argument];
    for (auto [size, index] : llvm::zip_equal(getShapeOf(argument.getType()), body.DimIndices[argument.getArgNumber()]))
      dims.push_back(index < 0 ? getAffineConstantExpr(size, context) : getAffineSymbolExpr(index, context));
  }
  for (Operation &op : body.getBlock().without_terminator()) {
    auto shapes = dyn_cast<ShapeOpInterface>(op);
    SmallVector<DimList> operands, results;
    for (Value operand : op.getOperands())
      operands.push_back(body.Dims[operand]);
    if (!shapes || failed(shapes.inferResultDims(operands, results)))
      return op.emitOpError() << "has no kernel on the CPU: the sizes of its results do not follow from its operands'";
    for (auto [result, dims] : llvm::zip_equal(op.getResults(), results)) {
      if (auto type = dyn_cast<RankedTensorType>(result.getType()))
        for (auto [dim, size] : llvm::zip_equal(dims, type.getShape()))
          dim = ShapedType::isDynamic(size) ? dim : getAffineConstantExpr(size, context);
      body.Dims[result] = dims;
    }
    if (getLayer(&op) >= 0)
      body.Layered.push_back(&op);
  }
  body.formParts();
  for (const KernelPart &part : body.Parts)
    if (failed(body.checkRoots(part)))
      return failure();
  return body;
}

/// Operations belong together when one reads what the other computes.
void KernelBody::formParts() {
  llvm::EquivalenceClasses<Operation *> classes;
  for (Operation &op : getBlock().without_terminator()) {
    classes.insert(&op);
    for (Value operand : op.getOperands())
      if (Operation *producer = operand.getDefiningOp())
        classes.unionSets(&op, producer);
  }
  llvm::MapVector<Operation *, KernelPart> parts;
  for (Operation &op : getBlock().without_terminator()) {
    KernelPart &part = parts[classes.getLeaderValue(&op)];
    part.Ops.push_back(&op);
    if (!isGenerated(&op))
      part.Roots.push_back(&op);
  }
  // An argument that is yielded as it is belongs to no operation.
  for (auto [i, output] : llvm::enumerate(getYield()->getOperands()))
    parts[output.getDefiningOp() ? classes.getLeaderValue(output.getDefiningOp()) : nullptr].Outputs.push_back(i);
  for (auto &[leader, part] : parts)
    Parts.push_back(std::move(part));
}

/// True when a template reads the right operand row by row, in fewer bits than f32.
bool KernelBody::readsNarrowWeights(MatmulOp op) {
  RankedTensorType rhs = op.getRhs().getType();
  return op.getTransposeRhs() && rhs.getRank() == 2 && !rhs.getElementType().isF32();
}

/// True when two products have the same tiles, and the elements of a tile are the same places of their results.
static bool haveEqualTiles(const KernelBody &body, Operation *a, Operation *b) {
  if (a->getName() != b->getName() || !isa<Int8MatmulOp, MatmulOp, PanelMatmulOp>(a) ||
      a->getAttrs() != b->getAttrs() || body.getDims(a->getResult(0)) != body.getDims(b->getResult(0)))
    return false;
  auto matmul = dyn_cast<MatmulOp>(a);
  return !matmul || KernelBody::readsNarrowWeights(matmul) == KernelBody::readsNarrowWeights(cast<MatmulOp>(b));
}

LogicalResult KernelBody::checkRoots(const KernelPart &part) const {
  for (Operation *op : ArrayRef(part.Roots).drop_front(part.Roots.empty() ? 0 : 1)) {
    bool fits = part.Roots.size() == 2 && haveEqualTiles(*this, part.Roots[0], op) && part.Outputs.size() == 1;
    if (fits) {
      Value output = getOutput(part.Outputs[0]);
      fits = cast<RankedTensorType>(output.getType()).getElementType().isF32() &&
             getElements(output) == getElements(op->getResult(0)) &&
             getElementTypeOrSelf(part.Roots[0]->getResult(0).getType()).isF32();
    }
    if (!fits)
      return op->emitOpError() << "shares a launch with '" << part.Roots[0]->getName()
                               << "', but a kernel of the CPU computes one of them; put them into two fusions";
  }
  return success();
}

AffineExpr KernelBody::getElements(Value value, unsigned begin, unsigned end) const {
  AffineExpr product = getAffineConstantExpr(1, value.getContext());
  for (AffineExpr dim : getDims(value).slice(begin, end - begin))
    product = product * dim;
  return product;
}

AffineExpr KernelBody::getElements(Value value) const { return getElements(value, 0, getDims(value).size()); }

BlockArgument KernelBody::findArgument(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    bool sameElements =
        isa<ReshapeOp>(op) || (isa<CastOp>(op) && isReadAsF32(op->getOperand(0)) && isReadAsF32(op->getResult(0)));
    if (!sameElements)
      return {};
    value = op->getOperand(0);
  }
  return cast<BlockArgument>(value);
}

std::string KernelBody::getKey() const {
  std::string key;
  llvm::raw_string_ostream stream(key);
  llvm::DenseMap<Value, unsigned> numbers;
  auto number = [&](Value value) { stream << '%' << numbers.try_emplace(value, numbers.size()).first->second << ' '; };
  for (BlockArgument argument : getBlock().getArguments()) {
    number(argument);
    stream << argument.getType() << ' ';
  }
  for (const auto &places : DimIndices) {
    for (int64_t place : places)
      stream << place << ',';
    stream << ';';
  }
  for (Operation &op : getBlock()) {
    stream << op.getName() << ' ';
    for (Value operand : op.getOperands())
      number(operand);
    NamedAttrList attributes(op.getAttrDictionary());
    if (llvm::is_contained(Layered, &op))
      attributes.erase("layer");
    stream << attributes.getDictionary(op.getContext()) << " -> ";
    for (Value result : op.getResults()) {
      number(result);
      stream << result.getType() << ' ';
    }
  }
  return key;
}
