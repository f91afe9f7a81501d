#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/lathe/reference/RankGroup.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace lathe;

Type lathe::getEvaluatedElementType(Value value) {
  Type element = getElementTypeOrSelf(value);
  Operation *op = value.getDefiningOp();
  Operation *parent = op ? op->getParentOp() : nullptr;
  if (parent && parent->hasTrait<KernelRegion>() && (element.isF16() || element.isBF16()))
    return Float32Type::get(value.getContext());
  return element;
}

ReferenceValue lathe::roundToStored(const ReferenceValue &value, Type type) {
  Type element = getElementTypeOrSelf(type);
  if (value.getType() == element)
    return value;
  ReferenceValue rounded = ReferenceValue::tensor(element, value.getShape());
  for (int64_t i = 0, n = value.getNumElements(); i < n; ++i)
    rounded.setFloat(i, value.getFloat(i));
  return rounded;
}

std::string lathe::formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '[';
  llvm::interleaveComma(shape, stream);
  stream << ']';
  return text;
}

/// Says why `value` is no value of `type`, or nothing when it is one. Values inside of fusions may be f32 instead.
static std::string findMismatch(const ReferenceValue &value, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) {
    if (value.getType() == type)
      return "";
    return llvm::formatv("is of type '{0}', needed '{1}'", value.getType(), type);
  }
  bool fits = value.getShape().size() == tensor.getShape().size() &&
              llvm::all_of(llvm::zip(value.getShape(), tensor.getShape()),
                           [](auto pair) { return dimsAgree(std::get<0>(pair), std::get<1>(pair)); });
  if (!fits)
    return llvm::formatv("has shape {0}, needed '{1}'", formatShape(value.getShape()), type);
  if (value.getType() != tensor.getElementType() && !value.getType().isF32())
    return llvm::formatv("has elements of type '{0}', needed '{1}'", value.getType(), type);
  return "";
}

FailureOr<ReferenceValue> Evaluator::readWeight(WeightOp weight) {
  auto module = weight->getParentOfType<ModuleOp>();
  auto files = module ? module->getAttrOfType<ArrayAttr>(FilesAttrName) : ArrayAttr();
  uint64_t file = weight.getFile(), count = files ? files.size() : 0;
  if (file >= count) {
    weight.emitOpError() << "'" << weight.getName() << "' is in file " << file << " but the module names " << count
                         << " files";
    return failure();
  }
  SmallString<128> path(cast<StringAttr>(files[file]).getValue());
  if (llvm::sys::path::is_relative(path) && !Directory.empty()) {
    path = Directory;
    llvm::sys::path::append(path, cast<StringAttr>(files[file]).getValue());
  }
  std::lock_guard lock(FilesMutex);
  std::unique_ptr<llvm::MemoryBuffer> &buffer = Files[std::string(path)];
  if (!buffer) {
    auto opened = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!opened) {
      weight.emitOpError() << "'" << weight.getName() << "' is in '" << path
                           << "', which cannot be read: " << opened.getError().message();
      return failure();
    }
    buffer = std::move(*opened);
  }
  uint64_t offset = weight.getOffset(), bytes = weight.getBytes(), size = buffer->getBufferSize();
  if (offset > size || bytes > size - offset) {
    weight.emitOpError() << "'" << weight.getName() << "' takes " << bytes << " bytes at offset " << offset << " of '"
                         << path << "', which has " << size << " bytes";
    return failure();
  }
  auto type = cast<RankedTensorType>(weight.getResult().getType());
  const auto *start = reinterpret_cast<const uint8_t *>(buffer->getBufferStart());
  return ReferenceValue::borrowed(type.getElementType(), type.getShape(), ArrayRef(start + offset, bytes));
}

LogicalResult Evaluator::evaluateAsRank(Operation *op, ArrayRef<ReferenceValue> operands,
                                        SmallVectorImpl<ReferenceValue> &results) {
  const Grid &grid = Ranks->getGrid();
  if (auto take = dyn_cast<TakeShardOp>(op)) {
    int64_t coordinate = grid.getCoordinate(Rank, take.getAxis());
    int64_t part = coordinate * int64_t(take.getParts()) / grid.getSize(take.getAxis());
    results.push_back(takePart(operands[0], take.getDim(), take.getParts(), part));
    return success();
  }
  FailureOr<std::vector<ReferenceValue>> inputs = Ranks->exchange(op, Rank, operands[0]);
  if (failed(inputs))
    return failure();
  results.push_back(evaluateCollective(op, *inputs, grid.getCoordinate(Rank, getCollectiveAxis(op))));
  return success();
}

LogicalResult Evaluator::evaluateOperation(Operation *op, ArrayRef<ReferenceValue> operands, Scope &scope,
                                           SmallVectorImpl<ReferenceValue> &results) {
  if (auto branch = dyn_cast<IfOp>(op))
    return evaluateIf(branch, operands, scope, results);
  if (auto loop = dyn_cast<LoopOp>(op))
    return evaluateLoop(loop, operands, scope, results);
  if (auto weight = dyn_cast<WeightOp>(op)) {
    FailureOr<ReferenceValue> value = readWeight(weight);
    if (failed(value))
      return failure();
    results.push_back(*value);
    return success();
  }
  if (auto program = dyn_cast<WeightProgramOp>(op)) {
    auto known = WeightPrograms.find(op);
    if (known == WeightPrograms.end()) {
      auto values = evaluateBlock(program.getBody().front(), {});
      if (failed(values))
        return failure();
      known = WeightPrograms.try_emplace(op, values->front()).first;
    }
    results.push_back(known->second);
    return success();
  }
  if (auto fusion = dyn_cast<FusionOp>(op)) {
    auto values = evaluateBlock(fusion.getBody().front(), operands);
    if (failed(values))
      return failure();
    for (auto [value, result] : llvm::zip_equal(*values, op->getResults()))
      results.push_back(roundToStored(value, result.getType()));
    return success();
  }
  if (Ranks && (isa<TakeShardOp>(op) || isCollective(op)))
    return evaluateAsRank(op, operands, results);
  auto reference = dyn_cast<ReferenceOpInterface>(op);
  if (!reference)
    return op->emitOpError() << "has no reference meaning, needed an operation with ReferenceOpInterface";
  return reference.evaluate(operands, results);
}

struct Evaluator::Scope {
  explicit Scope(Scope *outer) : Outer(outer) {}

  Scope *Outer;
  DenseMap<Value, ReferenceValue> Values;
  DenseMap<Value, unsigned> Uses; ///< What is left of each value's uses: a value goes with its last one.

  void define(Value name, const ReferenceValue &value) {
    if (unsigned count = std::distance(name.use_begin(), name.use_end())) {
      Values[name] = value;
      Uses[name] = count;
    }
  }

  /// The value for one of its uses in this block. Uses in nested blocks, which may run often, never free a value.
  ReferenceValue use(Value name) {
    for (Scope *outer = this; outer; outer = outer->Outer) {
      auto found = outer->Values.find(name);
      if (found == outer->Values.end())
        continue;
      ReferenceValue value = found->second;
      if (outer == this && --Uses[name] == 0)
        Values.erase(found);
      return value;
    }
    llvm_unreachable("the block uses a value from outside of all that is evaluated");
  }
};

FailureOr<SmallVector<ReferenceValue>> Evaluator::runBlock(Block &block, ArrayRef<ReferenceValue> arguments,
                                                           Scope *outer) {
  assert(arguments.size() == block.getNumArguments() && "one value for each block argument");
  Scope scope(outer);
  for (auto [argument, value] : llvm::zip_equal(block.getArguments(), arguments))
    scope.define(argument, value);
  for (Operation &op : block) {
    SmallVector<ReferenceValue> operands, results;
    for (Value operand : op.getOperands())
      operands.push_back(scope.use(operand));
    if (op.hasTrait<OpTrait::IsTerminator>())
      return operands;
    if (failed(evaluateOperation(&op, operands, scope, results)))
      return failure();
    for (auto [result, value] : llvm::zip_equal(op.getResults(), results)) {
      if (std::string mismatch = findMismatch(value, result.getType()); !mismatch.empty()) {
        op.emitOpError() << "result " << result.getResultNumber() << " " << mismatch;
        return failure();
      }
      scope.define(result, value);
    }
  }
  llvm_unreachable("a block ends in a terminator");
}

FailureOr<SmallVector<ReferenceValue>> Evaluator::evaluateBlock(Block &block, ArrayRef<ReferenceValue> arguments) {
  return runBlock(block, arguments, nullptr);
}

LogicalResult Evaluator::evaluateIf(IfOp op, ArrayRef<ReferenceValue> operands, Scope &scope,
                                    SmallVectorImpl<ReferenceValue> &results) {
  Region &region = operands[0].getInt(0) ? op.getThenBody() : op.getElseBody();
  auto values = runBlock(region.front(), {}, &scope);
  if (failed(values))
    return failure();
  llvm::append_range(results, *values);
  return success();
}

/// Row `index` of `value`.
static ReferenceValue getRow(const ReferenceValue &value, int64_t index) {
  ReferenceValue row = ReferenceValue::tensor(value.getType(), value.getShape().drop_front());
  size_t bytes = row.getBytes().size();
  llvm::copy(value.getBytes().slice(index * bytes, bytes), row.mutableBytes().begin());
  return row;
}

/// The rows one upon the other. Without any, sizes that `type` leaves open are 0.
static FailureOr<ReferenceValue> stack(Operation *op, ArrayRef<ReferenceValue> rows, RankedTensorType type) {
  SmallVector<int64_t> shape = {int64_t(rows.size())};
  if (rows.empty())
    for (int64_t size : type.getShape().drop_front())
      shape.push_back(ShapedType::isDynamic(size) ? 0 : size);
  else
    llvm::append_range(shape, rows[0].getShape());
  ReferenceValue stacked = ReferenceValue::tensor(type.getElementType(), shape);
  uint8_t *target = stacked.mutableBytes().data();
  for (const ReferenceValue &row : rows) {
    if (row.getShape() != rows[0].getShape())
      return op->emitOpError() << "stacks rows of shapes " << formatShape(rows[0].getShape()) << " and "
                               << formatShape(row.getShape()) << ", needed one shape";
    target = llvm::copy(row.getBytes(), target);
  }
  return stacked;
}

LogicalResult Evaluator::evaluateLoop(LoopOp op, ArrayRef<ReferenceValue> operands, Scope &scope,
                                      SmallVectorImpl<ReferenceValue> &results) {
  int64_t limit = INT64_MAX;
  bool condition = true;
  if (op.getTrip())
    limit = operands.consume_front().getInt(0);
  if (op.getCondition())
    condition = operands.consume_front().getInt(0);
  SmallVector<ReferenceValue> carried(operands.take_front(op.getCarried().size()));
  ArrayRef<ReferenceValue> scanned = operands.drop_front(op.getCarried().size());
  for (const ReferenceValue &value : scanned) {
    if (limit != INT64_MAX && value.getShape()[0] != limit)
      return op.emitOpError() << "scans " << limit << " and " << value.getShape()[0] << " rows, needed one number";
    limit = value.getShape()[0];
  }
  SmallVector<SmallVector<ReferenceValue>> rows(op.getNumResults() - carried.size());
  for (int64_t round = 0; round < limit && condition; ++round) {
    SmallVector<ReferenceValue> arguments = {
        ReferenceValue::tensor(IntegerType::get(op.getContext(), 64), ArrayRef<int64_t>())};
    arguments[0].setInt(0, round);
    llvm::append_range(arguments, carried);
    for (const ReferenceValue &value : scanned)
      arguments.push_back(getRow(value, round));
    auto yielded = runBlock(op.getBody().front(), arguments, &scope);
    if (failed(yielded))
      return failure();
    ArrayRef<ReferenceValue> values = *yielded;
    if (op.getCondition())
      condition = values.consume_front().getInt(0);
    carried.assign(values.begin(), values.begin() + carried.size());
    for (auto [list, row] : llvm::zip_equal(rows, values.drop_front(carried.size())))
      list.push_back(row);
  }
  llvm::append_range(results, carried);
  for (auto [list, type] : llvm::zip_equal(rows, TypeRange(op.getResultTypes()).drop_front(carried.size()))) {
    FailureOr<ReferenceValue> stacked = stack(op, list, cast<RankedTensorType>(type));
    if (failed(stacked))
      return failure();
    results.push_back(*stacked);
  }
  return success();
}

FailureOr<SmallVector<ReferenceValue>> Evaluator::evaluateFunction(func::FuncOp function,
                                                                   ArrayRef<ReferenceValue> arguments) {
  if (function.isExternal()) {
    function.emitOpError() << "'" << function.getName() << "' has no body to evaluate";
    return failure();
  }
  if (arguments.size() != function.getNumArguments()) {
    function.emitOpError() << "'" << function.getName() << "' got " << arguments.size() << " arguments, needed "
                           << function.getNumArguments();
    return failure();
  }
  for (auto [i, value] : llvm::enumerate(arguments))
    if (std::string mismatch = findMismatch(value, function.getArgumentTypes()[i]); !mismatch.empty()) {
      function.emitOpError() << "argument " << i << " of '" << function.getName() << "' " << mismatch;
      return failure();
    }
  return evaluateBlock(function.getBody().front(), arguments);
}
