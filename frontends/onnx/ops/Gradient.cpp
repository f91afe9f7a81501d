// The operator Gradient: derivatives of a tensor of the graph, backwards through the operations that it was imported
// as.
#include "frontends/onnx/ops/Terms.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {
/// What 'xs', 'zs' and 'y' name, and the operations from the variables to `y`.
struct Differentiated {
  SmallVector<Value> variables; ///< what 'xs' and then 'zs' name
  SmallVector<Value> given;     ///< where to take the derivatives
  Value y;
  SmallVector<Operation *> path; ///< in order; each depends on a variable, and `y` on it
};
} // namespace

/// Operations between the variables and `y` in the block of the node.
static void findPath(NodeImporter &node, Differentiated &what) {
  Block *block = node.builder().getInsertionBlock();
  llvm::SmallPtrSet<Value, 16> moving(what.variables.begin(), what.variables.end());
  llvm::SmallPtrSet<Value, 16> variables = moving;
  SmallVector<Operation *> forward;
  for (auto op = block->begin(); op != node.builder().getInsertionPoint(); ++op) {
    bool isVariable = llvm::any_of(op->getResults(), [&](Value result) { return variables.contains(result); });
    if (isVariable || llvm::none_of(op->getOperands(), [&](Value operand) { return moving.contains(operand); }))
      continue;
    forward.push_back(&*op);
    moving.insert(op->result_begin(), op->result_end());
  }
  llvm::SmallPtrSet<Operation *, 16> needed;
  if (Operation *last = what.y.getDefiningOp())
    needed.insert(last);
  for (Operation *op : llvm::reverse(forward)) {
    if (!needed.contains(op))
      continue;
    what.path.push_back(op);
    for (Value operand : op->getOperands())
      if (Operation *before = operand.getDefiningOp())
        needed.insert(before);
  }
  std::reverse(what.path.begin(), what.path.end());
}

/// Where the variables have other values than in the graph, computes the path anew from these.
static LogicalResult moveTo(NodeImporter &node, Differentiated &what) {
  if (what.variables == what.given)
    return success();
  IRMapping map;
  for (auto [variable, given] : llvm::zip_equal(what.variables, what.given)) {
    if (node.rank(variable) != node.rank(given) || node.elementType(variable) != node.elementType(given))
      return node.fail("an input has shape [{0}] or an element type unlike the tensor that 'xs' or 'zs' names",
                       node.print(node.dims(given)));
    for (auto [a, b] : llvm::zip_equal(node.dims(variable), node.dims(given)))
      if (failed(node.requireSame(a, b, "a dimension of an input and of the tensor that it stands for")))
        return failure();
    map.map(variable, given);
  }
  for (Operation *&op : what.path) {
    Operation *copy = node.builder().clone(*op, map);
    for (auto [old, fresh] : llvm::zip_equal(op->getResults(), copy->getResults()))
      node.setDims(fresh, DimList(node.dims(old)));
    op = copy;
  }
  what.y = map.lookupOrDefault(what.y);
  what.variables = what.given;
  return success();
}

/// Gives the operations behind `last` their shapes. On failure none of them is left.
static LogicalResult adoptFrom(NodeImporter &node, Operation *last) {
  Block *block = node.builder().getInsertionBlock();
  SmallVector<Operation *> made;
  for (auto op = last ? std::next(last->getIterator()) : block->begin(); op != node.builder().getInsertionPoint(); ++op)
    made.push_back(&*op);
  for (Operation *op : made)
    if (failed(node.adopt(op))) {
      for (Operation *each : llvm::reverse(made))
        each->erase();
      return failure();
    }
  return success();
}

static Operation *lastOperation(NodeImporter &node) {
  Block *block = node.builder().getInsertionBlock();
  auto point = node.builder().getInsertionPoint();
  return point == block->begin() ? nullptr : &*std::prev(point);
}

/// Adds to `gradients` those of the operands of `op`.
static LogicalResult stepBack(NodeImporter &node, Operation *op, llvm::DenseMap<Value, Term> &gradients) {
  SmallVector<Value> results;
  for (Value result : op->getResults())
    if (Term gradient = gradients.lookup(result))
      results.push_back(gradient.value);
  if (results.empty())
    return success();
  auto rule = dyn_cast<DerivativeOpInterface>(op);
  if (!rule && op->hasTrait<NotDifferentiable>())
    return success(); // constant between its steps
  Operation *last = lastOperation(node);
  FailureOr<SmallVector<Value>> operands = failure();
  if (rule && results.size() == op->getNumResults())
    operands = rule.buildVectorJacobianProduct(node.builder(), results);
  if (failed(operands))
    return node.fail("'{0}' on the way to 'y' has no derivative rule for this yet", op->getName().getStringRef());
  if (failed(adoptFrom(node, last)))
    return failure();
  for (auto [operand, gradient] : llvm::zip_equal(op->getOperands(), *operands)) {
    if (!gradient)
      continue;
    Term &sum = gradients[operand], more(node, gradient);
    sum = sum ? sum + more : more;
    if (!sum)
      return failure();
  }
  return success();
}

/// The names in an attribute.
static std::vector<std::string> namesIn(NodeImporter &node, StringRef attribute) {
  const NodeAttribute *found = node.attribute(attribute);
  return found ? found->strings : std::vector<std::string>();
}

static LogicalResult importGradient(NodeImporter &node) {
  std::vector<std::string> names = namesIn(node, "xs"), others = namesIn(node, "zs");
  size_t differentiated = names.size();
  names.insert(names.end(), others.begin(), others.end());
  if (differentiated == 0 || names.size() != node.numInputs())
    return node.fail("'xs' and 'zs' have {0} names, needed one for each of {1} inputs and one in 'xs'", names.size(),
                     node.numInputs());
  Differentiated what;
  for (size_t i = 0; i != names.size(); ++i) {
    FailureOr<Value> variable = node.named(names[i]), given = node.input(i);
    if (failed(variable) || failed(given))
      return failure();
    what.variables.push_back(*variable);
    what.given.push_back(*given);
  }
  FailureOr<Value> y = node.named(node.stringAttribute("y", ""));
  if (failed(y))
    return failure();
  what.y = *y;
  if (!isa<FloatType>(node.elementType(what.y)))
    return node.fail("'y' has element type {0}, needed a float", node.elementType(what.y));
  findPath(node, what);
  if (failed(moveTo(node, what)))
    return failure();

  llvm::DenseMap<Value, Term> gradients;
  Term whole(node, what.y);
  gradients[what.y] = expand(constant(whole, 1), whole.dims());
  for (Operation *op : llvm::reverse(what.path))
    if (failed(stepBack(node, op, gradients)))
      return failure();
  for (size_t i = 0; i != differentiated; ++i) {
    if (!node.hasOutput(i))
      continue;
    Term variable(node, what.variables[i]), gradient = gradients.lookup(what.variables[i]);
    if (failed(setOutput(node, i, gradient ? gradient : expand(constant(variable, 0), variable.dims()))))
      return failure();
  }
  return success();
}

static constexpr Operator Operators[] = {
    {"ai.onnx.preview.training", "Gradient", 1, 1,
     "through arithmetic, exponentials, sums, means, shapes and products of two matrices", importGradient},
};

llvm::ArrayRef<Operator> lathe::onnx::gradientOperators() { return Operators; }
