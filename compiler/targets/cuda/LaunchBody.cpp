#include "compiler/targets/cuda/LaunchBody.h"
#include "dialects/lathe/Bounds.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

LogicalResult LaunchBody::inferDims(Operation &op) {
  auto shapes = dyn_cast<ShapeOpInterface>(op);
  SmallVector<DimList> operands, results;
  for (Value operand : op.getOperands())
    operands.push_back(Dims[operand]);
  if (!shapes || failed(shapes.inferResultDims(operands, results)))
    return op.emitOpError() << "has no CUDA kernel: the sizes of its results do not follow from its operands'";
  for (auto [result, dims] : llvm::zip_equal(op.getResults(), results)) {
    if (auto type = dyn_cast<RankedTensorType>(result.getType()))
      for (auto [dim, size] : llvm::zip_equal(dims, type.getShape()))
        if (!ShapedType::isDynamic(size))
          dim = getAffineConstantExpr(size, op.getContext());
    Dims[result] = dims;
  }
  return success();
}

FailureOr<LaunchBody> LaunchBody::analyze(plan::LaunchOp launch, unsigned target) {
  LaunchBody body;
  body.Target = target;
  body.Launch = launch;
  body.PortTypes = launch.getPortTypes();
  SmallVector<SmallVector<int64_t>> places;
  body.ProgramDims = launch.getDynamicDims(&places);
  MLIRContext *context = launch.getContext();
  for (BlockArgument argument : body.getBlock().getArguments()) {
    DimList &dims = body.Dims[argument];
    if (auto type = dyn_cast<RankedTensorType>(argument.getType()))
      for (auto [size, place] : llvm::zip_equal(type.getShape(), places[argument.getArgNumber()]))
        dims.push_back(place < 0 ? getAffineConstantExpr(size, context) : getAffineSymbolExpr(place, context));
  }
  for (Operation &op : body.getBlock().without_terminator()) {
    if (failed(body.inferDims(op)))
      return failure();
    if (isElementwise(&op) || isa<ConstantOp>(op))
      continue;
    if (body.Root)
      return op.emitOpError() << "shares a launch with '" << body.Root->getName()
                              << "', but one CUDA kernel computes one of them; put them into two fusions";
    body.Root = &op;
  }
  return body;
}

AffineExpr LaunchBody::getProduct(ArrayRef<AffineExpr> dims, MLIRContext *context) {
  AffineExpr product = getAffineConstantExpr(1, context);
  for (AffineExpr dim : llvm::reverse(dims))
    product = product * dim;
  return product;
}

int64_t LaunchBody::getMax(AffineExpr expression) const {
  auto clone = Launch->getParentOfType<plan::CloneOp>();
  auto program = Launch->getParentOfType<plan::ProgramOp>();
  SmallVector<SymbolAttr> symbols(program.getSymbols().getAsRange<SymbolAttr>());
  for (auto range : clone.getRange().getAsRange<SymbolAttr>())
    for (SymbolAttr &symbol : symbols)
      if (symbol.getName() == range.getName())
        symbol = range;
  return Bounds(symbols).getRange(expression.replaceSymbols(ProgramDims)).second;
}

FailureOr<unsigned> LaunchBody::getInputPort(Operation *user, Value value) const {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getArgNumber();
  return user->emitOpError() << "reads a result of '" << value.getDefiningOp()->getName()
                             << "' in the same launch, but its CUDA kernel reads memory; put them into two fusions";
}
