#include "compiler/targets/cuda/LaunchBody.h"
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/Sizes.h"
#include "dialects/lathe/TokenSymbols.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"

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

/// Whether all that reads `value`, rounded or not, are products on tiles, of which it is the left operand.
static bool isLeftOperand(Value value) {
  return !value.use_empty() && llvm::all_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    return isa<CastOp>(user) ? isLeftOperand(user->getResult(0))
                             : isa<TileMatmulOp>(user) && use.getOperandNumber() == 0;
  });
}

/// Whether `op` prepares the left operand of products, which do it as they read it.
static bool isPreparation(Operation *op) {
  while (auto cast = dyn_cast_or_null<CastOp>(op))
    op = cast.getInput().getDefiningOp();
  return isa_and_nonnull<RmsNormOp>(op) && isLeftOperand(op->getResult(0));
}

/// Operations that need each other, through values of the launch. What all may have in common is of no group.
static llvm::EquivalenceClasses<Operation *> groupOperations(Block &block) {
  llvm::EquivalenceClasses<Operation *> groups;
  auto isShared = [](Operation *op) { return isa<ConstantOp>(op) || isPreparation(op); };
  for (Operation &op : block.without_terminator()) {
    if (isShared(&op))
      continue;
    groups.insert(&op);
    for (Value operand : op.getOperands())
      if (Operation *producer = operand.getDefiningOp(); producer && !isShared(producer))
        groups.unionSets(producer, &op);
  }
  return groups;
}

/// A part for each group that has a root; the whole when there is one at most.
std::vector<LaunchBody> LaunchBody::split() const {
  llvm::EquivalenceClasses<Operation *> groups = groupOperations(getBlock());
  llvm::MapVector<Operation *, SmallVector<Operation *, 2>> roots; // by the leader of their group
  for (Operation *root : Roots)
    roots[groups.getLeaderValue(root)].push_back(root);
  if (roots.size() <= 1)
    return {*this};
  std::vector<LaunchBody> parts;
  for (auto &[leader, members] : roots) {
    LaunchBody part = *this;
    part.Roots.assign(members);
    part.Suffix = std::to_string(parts.size());
    part.Yielded.clear();
    part.Outputs.clear();
    for (auto [i, value] : llvm::enumerate(Yielded))
      if (Operation *op = value.getDefiningOp(); op && groups.isEquivalent(leader, op)) {
        part.Yielded.push_back(value);
        part.Outputs.push_back(i);
      }
    parts.push_back(std::move(part));
  }
  return parts;
}

FailureOr<std::vector<LaunchBody>> LaunchBody::analyze(plan::LaunchOp launch, unsigned target,
                                                       const KernelChooser &chooser) {
  LaunchBody body;
  body.Target = target;
  body.Chooser = &chooser;
  body.Launch = launch;
  body.PortTypes = launch.getPortTypes();
  SmallVector<SmallVector<int64_t>> places;
  body.ProgramDims = launch.getDynamicDims(&places);
  MLIRContext *context = launch.getContext();
  for (BlockArgument argument : body.getBlock().getArguments()) {
    DimList &dims = body.Dims[argument];
    for (auto [size, place] : llvm::zip_equal(getShapeOf(argument.getType()), places[argument.getArgNumber()]))
      dims.push_back(place < 0 ? getAffineConstantExpr(size, context) : getAffineSymbolExpr(place, context));
  }
  for (Operation &op : body.getBlock().without_terminator()) {
    if (failed(body.inferDims(op)))
      return failure();
    if (isa<RmsNormOp>(op) && isPreparation(&op))
      body.Norm = cast<RmsNormOp>(op);
    else if (!isElementwise(&op) && !isa<ConstantOp>(op))
      body.Roots.push_back(&op);
  }
  body.Yielded.assign(body.getBlock().getTerminator()->getOperands().begin(),
                      body.getBlock().getTerminator()->getOperands().end());
  body.Outputs.assign(llvm::seq<unsigned>(body.Yielded.size()).begin(), llvm::seq<unsigned>(body.Yielded.size()).end());
  std::vector<LaunchBody> parts = body.split();
  size_t results = 0;
  for (const LaunchBody &part : parts) {
    results += part.Yielded.size();
    if (part.Yielded.empty())
      return part.getRoot()->emitOpError() << "gives nothing that its launch yields";
  }
  if (results != body.Yielded.size())
    return launch.emitOpError() << "computes " << body.Yielded.size() - results
                                << " results element by element beside templates that do not need them; put them into "
                                   "two fusions";
  return parts;
}

AffineExpr LaunchBody::getProduct(ArrayRef<AffineExpr> dims, MLIRContext *context) {
  AffineExpr product = getAffineConstantExpr(1, context);
  for (AffineExpr dim : llvm::reverse(dims))
    product = product * dim;
  return product;
}

int64_t LaunchBody::getMax(AffineExpr expression) const {
  SmallVector<SymbolAttr> symbols = Launch->getParentOfType<plan::CloneOp>().getAllSymbols();
  for (SymbolAttr tokens : symbols)
    if (tokens.getName() == TokensSymbolName)
      for (SymbolAttr &symbol : symbols)
        symbol = boundByTokens(symbol, tokens.getMax());
  return Bounds(symbols).getRange(expression.replaceSymbols(ProgramDims)).second;
}

bool LaunchBody::isNeverWritten(Value value) const {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return false;
  Value outside = plan::LaunchOp(Launch).getInputs()[argument.getArgNumber()];
  if (outside.getDefiningOp<plan::AddressOp>())
    return true;
  auto port = dyn_cast<BlockArgument>(outside);
  auto program = port ? dyn_cast<plan::ProgramOp>(port.getOwner()->getParentOp()) : plan::ProgramOp();
  // Outputs and states come in behind the inputs.
  return program && port.getArgNumber() < program.getInputs().size();
}

FailureOr<unsigned> LaunchBody::getInputPort(Operation *user, Value value) const {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getArgNumber();
  return user->emitOpError() << "reads a result of '" << value.getDefiningOp()->getName()
                             << "' in the same launch, but its CUDA kernel reads memory; put them into two fusions";
}
