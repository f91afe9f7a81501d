#include "dialects/lathe/reference/Evaluator.h"
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

LogicalResult Evaluator::evaluateOperation(Operation *op, ArrayRef<ReferenceValue> operands,
                                           SmallVectorImpl<ReferenceValue> &results) {
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
  auto reference = dyn_cast<ReferenceOpInterface>(op);
  if (!reference)
    return op->emitOpError() << "has no reference meaning, needed an operation with ReferenceOpInterface";
  return reference.evaluate(operands, results);
}

FailureOr<SmallVector<ReferenceValue>> Evaluator::evaluateBlock(Block &block, ArrayRef<ReferenceValue> arguments) {
  assert(arguments.size() == block.getNumArguments() && "one value for each block argument");
  DenseMap<Value, ReferenceValue> values;
  DenseMap<Value, unsigned> uses; // What is left of each value's uses: a value goes with its last one.
  auto define = [&](Value name, const ReferenceValue &value) {
    if (unsigned count = std::distance(name.use_begin(), name.use_end())) {
      values[name] = value;
      uses[name] = count;
    }
  };
  for (auto [argument, value] : llvm::zip_equal(block.getArguments(), arguments))
    define(argument, value);
  for (Operation &op : block) {
    SmallVector<ReferenceValue> operands, results;
    for (Value operand : op.getOperands()) {
      assert(values.contains(operand) && "the block uses a value from outside");
      operands.push_back(values[operand]);
      if (--uses[operand] == 0)
        values.erase(operand);
    }
    if (op.hasTrait<OpTrait::IsTerminator>())
      return operands;
    if (failed(evaluateOperation(&op, operands, results)))
      return failure();
    for (auto [result, value] : llvm::zip_equal(op.getResults(), results)) {
      if (std::string mismatch = findMismatch(value, result.getType()); !mismatch.empty()) {
        op.emitOpError() << "result " << result.getResultNumber() << " " << mismatch;
        return failure();
      }
      define(result, value);
    }
  }
  llvm_unreachable("a block ends in a terminator");
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
