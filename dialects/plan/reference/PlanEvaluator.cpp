#include "dialects/plan/reference/PlanEvaluator.h"
#include "dialects/lathe/Bounds.h"
#include <cstring>
#include <deque>
#include <map>

using namespace mlir;
using namespace lathe;
using namespace lathe::plan;

namespace {
/// What a `!plan.buffer` names.
struct Memory {
  MutableArrayRef<uint8_t> Bytes;
  bool Writable = true;
};

/// One call of one clone.
class Call {
public:
  Call(Evaluator &reference, DenseMap<Operation *, ReferenceValue> &data, ProgramOp program)
      : Reference(reference), Data(data), Program(program) {}

  FailureOr<SmallVector<ReferenceValue>> run(ArrayRef<ReferenceValue> arguments);

private:
  LogicalResult findSymbols(ArrayRef<ReferenceValue> inputs);
  LogicalResult bindPorts(ArrayRef<ReferenceValue> arguments);
  CloneOp findClone();
  SmallVector<int64_t> evaluate(AffineMap map) const;

  LogicalResult runBlock(Block &block);
  LogicalResult runOperation(Operation *op);
  LogicalResult runAddress(AddressOp address);
  LogicalResult runBuffer(BufferOp buffer);
  LogicalResult runLaunch(LaunchOp launch);
  LogicalResult runCopy(CopyOp copy);
  LogicalResult runView(ViewOp view);
  LogicalResult runAllocate(AllocateOp allocate);
  LogicalResult runOutput(OutputOp output);
  LogicalResult runReadSizes(plan::ReadSizesOp read);
  LogicalResult runIf(plan::IfOp op);
  LogicalResult runLoop(plan::LoopOp op);
  FailureOr<bool> readCondition(Operation *op, Value buffer);
  void define(ArrayRef<int64_t> symbols, std::optional<AffineMap> sizes);
  FailureOr<MutableArrayRef<uint8_t>> find(Operation *op, Value buffer, int64_t bytes, bool write);
  FailureOr<ReferenceValue> read(LaunchOp launch, Value buffer, Type type, ArrayRef<int64_t> shape);

  Evaluator &Reference;
  DenseMap<Operation *, ReferenceValue> &Data;
  ProgramOp Program;
  SmallVector<int64_t> Symbols;
  std::vector<std::vector<uint8_t>> Ports; ///< inputs, outputs, states
  std::vector<uint8_t> Arena;
  std::map<int64_t, std::vector<uint8_t>> Slots;
  std::deque<std::vector<uint8_t>> Retired; ///< what slots gave up, poisoned: nobody may read it any more
  DenseMap<Value, Memory> Buffers;
};
} // namespace

static int64_t getBytes(Type element, ArrayRef<int64_t> shape) {
  if (auto quantized = dyn_cast<QuantizedTypeInterface>(element)) {
    FailureOr<int64_t> bytes = quantized.getByteSize(shape);
    assert(succeeded(bytes) && "a verified quantized tensor is made of whole blocks");
    return *bytes;
  }
  return ShapedType::getNumElements(shape) * getElementBytes(element);
}

SmallVector<int64_t> Call::evaluate(AffineMap map) const {
  return llvm::map_to_vector(map.getResults(), [&](AffineExpr e) { return evaluateSize(e, Symbols); });
}

/// A symbol has the size of the input dimensions that are this symbol and nothing else.
LogicalResult Call::findSymbols(ArrayRef<ReferenceValue> inputs) {
  SmallVector<std::optional<int64_t>> known(Program.getSymbols().size());
  for (auto [port, input] : llvm::zip_equal(Program.getInputs().getAsRange<PortAttr>(), inputs))
    for (auto [dim, size] : llvm::zip_equal(port.getDims().getResults(), input.getShape()))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim)) {
        std::optional<int64_t> &value = known[symbol.getPosition()];
        if (value && *value != size)
          return Program.emitOpError() << "input '" << port.getName() << "' has shape " << formatShape(input.getShape())
                                       << " but symbol " << symbol.getPosition() << " is " << *value;
        value = size;
      }
  for (auto [symbol, value] : llvm::zip_equal(Program.getSymbols().getAsRange<SymbolAttr>(), known)) {
    if (!value || *value < symbol.getMin() || *value > symbol.getMax())
      return Program.emitOpError() << "symbol '" << symbol.getName() << "' is "
                                   << (value ? std::to_string(*value) : "in no input's shape") << ", needed "
                                   << symbol.getMin() << " to " << symbol.getMax();
    Symbols.push_back(*value);
  }
  return success();
}

LogicalResult Call::bindPorts(ArrayRef<ReferenceValue> arguments) {
  size_t inputs = Program.getInputs().size();
  if (arguments.size() != inputs + Program.getStates().size())
    return Program.emitOpError() << "got " << arguments.size() << " arguments, needed "
                                 << inputs + Program.getStates().size();
  if (failed(findSymbols(arguments.take_front(inputs))))
    return failure();
  for (const ReferenceValue &input : arguments.take_front(inputs))
    Ports.emplace_back(input.getBytes().begin(), input.getBytes().end());
  for (auto [i, port] : llvm::enumerate(Program.getOutputs().getAsRange<PortAttr>()))
    Ports.emplace_back(Program.isDataDependent(i) ? 0 : getBytes(port.getType(), evaluate(port.getDims())), Poison);
  for (const ReferenceValue &state : arguments.drop_front(inputs))
    Ports.emplace_back(state.getBytes().begin(), state.getBytes().end());
  for (auto [i, argument] : llvm::enumerate(Program.getBody().getArguments()))
    Buffers[argument] = {Ports[i], i >= inputs};
  return success();
}

CloneOp Call::findClone() {
  for (auto clone : Program.getBody().front().getOps<CloneOp>()) {
    bool serves = true;
    for (auto range : clone.getRange().getAsRange<SymbolAttr>())
      for (auto [symbol, value] : llvm::zip_equal(Program.getSymbols().getAsRange<SymbolAttr>(), Symbols))
        if (symbol.getName() == range.getName())
          serves &= value >= range.getMin() && value <= range.getMax();
    if (serves)
      return clone;
  }
  return {};
}

/// The first `bytes` bytes of `buffer`.
FailureOr<MutableArrayRef<uint8_t>> Call::find(Operation *op, Value buffer, int64_t bytes, bool write) {
  Memory memory = Buffers.lookup(buffer);
  if (write && !memory.Writable) {
    op->emitOpError() << "writes to an input or a weight";
    return failure();
  }
  if (bytes < 0 || bytes > int64_t(memory.Bytes.size())) {
    op->emitOpError() << (write ? "writes " : "reads ") << bytes << " bytes of a buffer of " << memory.Bytes.size();
    return failure();
  }
  return memory.Bytes.take_front(bytes);
}

LogicalResult Call::runAddress(AddressOp address) {
  auto data = SymbolTable::lookupNearestSymbolFrom<DataOp>(address, address.getDataAttr());
  if (!data)
    return address.emitOpError() << "names " << address.getDataAttr() << ", which is no 'plan.data'";
  auto known = Data.find(data);
  if (known == Data.end()) {
    auto values = Reference.evaluateBlock(data.getBody().front(), {});
    if (failed(values))
      return failure();
    known = Data.try_emplace(data, values->front()).first;
  }
  ArrayRef<uint8_t> bytes = known->second.getBytes();
  // `Writable` guards the bytes, which may lie in a mapped file.
  Buffers[address.getResult()] = {{const_cast<uint8_t *>(bytes.data()), bytes.size()}, false};
  return success();
}

LogicalResult Call::runBuffer(BufferOp buffer) {
  int64_t offset = evaluate(buffer.getOffset())[0], bytes = evaluate(buffer.getBytes())[0];
  if (offset < 0 || bytes < 0 || offset + bytes > int64_t(Arena.size()))
    return buffer.emitOpError() << "takes " << bytes << " bytes at offset " << offset << " of an arena of "
                                << Arena.size();
  Buffers[buffer.getResult()] = {MutableArrayRef(Arena).slice(offset, bytes), true};
  return success();
}

FailureOr<ReferenceValue> Call::read(LaunchOp launch, Value buffer, Type type, ArrayRef<int64_t> shape) {
  if (isa<StateType>(type)) {
    ArrayRef<uint8_t> pool = Buffers.lookup(buffer).Bytes;
    ReferenceValue value(type, {}, pool.size());
    llvm::copy(pool, value.mutableBytes().begin());
    return value;
  }
  if (isa<SizesType>(type))
    return ReferenceValue(type, shape, 0);
  Type element = getElementTypeOrSelf(type);
  auto bytes = find(launch, buffer, getBytes(element, shape), /*write=*/false);
  if (failed(bytes))
    return failure();
  ReferenceValue value = ReferenceValue::borrowed(element, shape, *bytes);
  if (Buffers.lookup(buffer).Writable)
    (void)value.mutableBytes(); // A launch may write there while the value is in use: keep what was read.
  return value;
}

LogicalResult Call::runLaunch(LaunchOp launch) {
  SmallVector<Type> types = launch.getPortTypes();
  SmallVector<SmallVector<int64_t>> shapes;
  for (auto map : launch.getShapes().getAsValueRange<AffineMapAttr>())
    shapes.push_back(evaluate(map));
  size_t inputs = launch.getInputs().size();
  SmallVector<MutableArrayRef<uint8_t>> targets;
  for (auto [i, output] : llvm::enumerate(launch.getOutputs())) {
    bool state = isa<StateType>(types[inputs + i]);
    int64_t bytes = state ? Buffers.lookup(output).Bytes.size()
                          : getBytes(getElementTypeOrSelf(types[inputs + i]), shapes[inputs + i]);
    auto target = find(launch, output, bytes, /*write=*/true);
    if (failed(target))
      return failure();
    if (!state)
      llvm::fill(*target, Poison);
    targets.push_back(*target);
  }
  SmallVector<ReferenceValue> arguments;
  for (auto [i, input] : llvm::enumerate(launch.getInputs())) {
    FailureOr<ReferenceValue> value = read(launch, input, types[i], shapes[i]);
    if (failed(value))
      return failure();
    arguments.push_back(*value);
  }
  auto results = Reference.evaluateBlock(launch.getBody().front(), arguments);
  if (failed(results))
    return failure();
  for (auto [i, result] : llvm::enumerate(*results)) {
    bool state = isa<StateType>(types[inputs + i]);
    if (!state && result.getShape() != ArrayRef(shapes[inputs + i]))
      return launch.emitOpError() << "makes output " << i << " of shape " << formatShape(result.getShape())
                                  << " but 'shapes' says " << formatShape(shapes[inputs + i]);
    ReferenceValue stored = state ? result : roundToStored(result, types[inputs + i]);
    llvm::copy(stored.getBytes(), targets[i].begin());
  }
  return success();
}

LogicalResult Call::runCopy(CopyOp copy) {
  int64_t bytes = evaluate(copy.getBytes())[0];
  auto source = find(copy, copy.getSource(), bytes, /*write=*/false);
  auto target = find(copy, copy.getTarget(), bytes, /*write=*/true);
  if (failed(source) || failed(target))
    return failure();
  std::memmove(target->data(), source->data(), bytes);
  return success();
}

LogicalResult Call::runView(ViewOp view) {
  Memory memory = Buffers.lookup(view.getSource());
  int64_t offset = evaluate(view.getOffset())[0], bytes = evaluate(view.getBytes())[0];
  if (offset < 0 || bytes < 0 || offset + bytes > int64_t(memory.Bytes.size()))
    return view.emitOpError() << "takes " << bytes << " bytes at offset " << offset << " of a buffer of "
                              << memory.Bytes.size();
  memory.Bytes = memory.Bytes.slice(offset, bytes);
  Buffers[view.getResult()] = memory;
  return success();
}

LogicalResult Call::runAllocate(AllocateOp allocate) {
  int64_t bytes = evaluate(allocate.getBytes())[0], keep = allocate.getKeep() ? evaluate(*allocate.getKeep())[0] : 0;
  std::vector<uint8_t> &slot =
      Slots[allocate.getSlot() + (allocate.getRound() ? Symbols[*allocate.getRound()] % 2 : 0)];
  if (bytes < 0 || keep < 0 || keep > int64_t(slot.size()) || keep > bytes)
    return allocate.emitOpError() << "asks for " << bytes << " bytes and keeps " << keep << " of " << slot.size();
  std::vector<uint8_t> next(bytes, Poison);
  std::copy_n(slot.begin(), keep, next.begin());
  llvm::fill(slot, Poison);
  Retired.push_back(std::move(slot));
  slot = std::move(next);
  Buffers[allocate.getResult()] = {slot, true};
  return success();
}

LogicalResult Call::runOutput(OutputOp output) {
  auto port = cast<PortAttr>(Program.getOutputs()[output.getIndex()]);
  std::vector<uint8_t> &memory = Ports[Program.getInputs().size() + output.getIndex()];
  memory.assign(getBytes(port.getType(), evaluate(output.getSizes())), Poison);
  Buffers[output.getResult()] = {memory, true};
  return success();
}

LogicalResult Call::runReadSizes(plan::ReadSizesOp read) {
  ArrayRef<int64_t> symbols = read.getSymbols();
  auto bytes = find(read, read.getSource(), symbols.size() * sizeof(int64_t), /*write=*/false);
  if (failed(bytes))
    return failure();
  for (auto [i, symbol, min, max] : llvm::enumerate(symbols, read.getMin(), read.getMax())) {
    int64_t size;
    std::memcpy(&size, bytes->data() + i * sizeof(size), sizeof(size));
    if (size < min || size > max)
      return read.emitOpError() << "size " << i << " is " << size << ", needed " << min << " to " << max;
    if (symbol >= 0)
      Symbols[symbol] = size;
  }
  return success();
}

FailureOr<bool> Call::readCondition(Operation *op, Value buffer) {
  auto byte = find(op, buffer, 1, /*write=*/false);
  if (failed(byte))
    return failure();
  return (*byte)[0] != 0;
}

/// Gives symbols new values, all of which are computed from the old ones.
void Call::define(ArrayRef<int64_t> symbols, std::optional<AffineMap> sizes) {
  if (sizes)
    for (auto [symbol, size] : llvm::zip_equal(symbols, evaluate(*sizes)))
      Symbols[symbol] = size;
}

LogicalResult Call::runIf(plan::IfOp op) {
  FailureOr<bool> condition = readCondition(op, op.getCondition());
  if (failed(condition))
    return failure();
  Block &block = (*condition ? op.getThenBody() : op.getElseBody()).front();
  if (failed(runBlock(block)))
    return failure();
  auto yield = cast<plan::YieldOp>(block.getTerminator());
  for (auto [result, address] : llvm::zip_equal(op.getResults(), yield.getAddresses()))
    Buffers[result] = Memory(Buffers.lookup(address));
  define(op.getDefines(), yield.getSizes());
  return success();
}

LogicalResult Call::runLoop(plan::LoopOp op) {
  int64_t limit = op.getLimit() ? evaluate(*op.getLimit())[0] : INT64_MAX;
  FailureOr<bool> condition = op.getCondition() ? readCondition(op, op.getCondition()) : FailureOr<bool>(true);
  if (op.getTrip()) {
    auto trip = find(op, op.getTrip(), sizeof(int64_t), /*write=*/false);
    if (failed(trip))
      return failure();
    int64_t count;
    std::memcpy(&count, trip->data(), sizeof(count));
    limit = std::min(limit, count);
  }
  SmallVector<Memory> carried =
      llvm::map_to_vector(op.getCarried(), [&](Value value) { return Buffers.lookup(value); });
  define(op.getDefines(), op.getSizes());
  auto yield = cast<plan::YieldOp>(op.getBody().front().getTerminator());
  for (int64_t round = 0;; ++round) {
    Symbols[op.getRound()] = round;
    if (failed(condition))
      return failure();
    if (round >= limit || !*condition)
      break;
    if (op.getCount()) {
      auto count = find(op, op.getCount(), sizeof(int64_t), /*write=*/true);
      if (failed(count))
        return failure();
      std::memcpy(count->data(), &round, sizeof(round));
    }
    for (auto [argument, memory] : llvm::zip_equal(op.getBody().getArguments(), carried))
      Buffers[argument] = memory;
    if (failed(runBlock(op.getBody().front())))
      return failure();
    ValueRange addresses = yield.getAddresses();
    if (op.getCondition()) {
      condition = readCondition(op, addresses.front());
      addresses = addresses.drop_front();
    }
    carried = llvm::map_to_vector(addresses, [&](Value value) { return Buffers.lookup(value); });
    define(op.getDefines(), yield.getSizes());
  }
  for (auto [result, memory] : llvm::zip_equal(op.getResults(), carried))
    Buffers[result] = memory;
  return success();
}

LogicalResult Call::runOperation(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AddressOp address) { return runAddress(address); })
      .Case([&](BufferOp buffer) { return runBuffer(buffer); })
      .Case([&](LaunchOp launch) { return runLaunch(launch); })
      .Case([&](CopyOp copy) { return runCopy(copy); })
      .Case([&](ViewOp view) { return runView(view); })
      .Case([&](AllocateOp allocate) { return runAllocate(allocate); })
      .Case([&](OutputOp output) { return runOutput(output); })
      .Case([&](plan::ReadSizesOp read) { return runReadSizes(read); })
      .Case([&](plan::IfOp branch) { return runIf(branch); })
      .Case([&](plan::LoopOp loop) { return runLoop(loop); })
      .Case([&](NullOp null) {
        Buffers[null.getResult()] = {};
        return success();
      })
      .Default([](Operation *other) { return other->emitOpError() << "is no operation of a plan"; });
}

LogicalResult Call::runBlock(Block &block) {
  for (Operation &op : block)
    if (!op.hasTrait<OpTrait::IsTerminator>() && failed(runOperation(&op)))
      return failure();
  return success();
}

FailureOr<SmallVector<ReferenceValue>> Call::run(ArrayRef<ReferenceValue> arguments) {
  if (failed(bindPorts(arguments)))
    return failure();
  CloneOp clone = findClone();
  if (!clone) {
    Program.emitOpError() << "has no clone for symbols " << formatShape(Symbols);
    return failure();
  }
  Arena.assign(evaluate(clone.getArena())[0], Poison);
  Symbols.resize(clone.getAllSymbols().size());
  if (failed(runBlock(clone.getBody().front())))
    return failure();
  SmallVector<ReferenceValue> results;
  size_t next = Program.getInputs().size();
  for (auto port : Program.getOutputs().getAsRange<PortAttr>()) {
    results.push_back(ReferenceValue::tensor(port.getType(), evaluate(port.getDims())));
    llvm::copy(Ports[next++], results.back().mutableBytes().begin());
  }
  for (auto port : Program.getStates().getAsRange<PortAttr>()) {
    results.emplace_back(port.getType(), ArrayRef<int64_t>(), Ports[next].size());
    llvm::copy(Ports[next++], results.back().mutableBytes().begin());
  }
  return results;
}

FailureOr<SmallVector<ReferenceValue>> PlanEvaluator::run(ProgramOp program, ArrayRef<ReferenceValue> arguments) {
  return Call(Reference, Data, program).run(arguments);
}
