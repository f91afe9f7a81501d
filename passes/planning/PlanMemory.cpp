// See PlanMemory in Passes.td.
#include "dialects/lathe/SymbolicDims.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/planning/ArenaLayout.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// The operand that result `index` of `fusion` replaces in place, or null when it is a value of its own.
static Value getReplacedOperand(FusionOp fusion, unsigned index) {
  Value value = fusion.getBody().front().getTerminator()->getOperand(index);
  if (!isa<StateType>(value.getType()))
    return {};
  while (auto append = value.getDefiningOp<AppendKvOp>())
    value = append.getState();
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? fusion.getOperand(argument.getArgNumber()) : Value();
}

/// The value whose memory `value` lies in: reshapes and replaced states have none of their own.
static Value getStorage(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto reshape = dyn_cast<ReshapeOp>(op)) {
      value = reshape.getInput();
      continue;
    }
    auto fusion = dyn_cast<FusionOp>(op);
    Value replaced = fusion ? getReplacedOperand(fusion, cast<OpResult>(value).getResultNumber()) : Value();
    if (!replaced)
      break;
    value = replaced;
  }
  return value;
}

namespace {
/// The `plan.data` operations of a module: one for each distinct weight, shared by all programs.
class WeightTable {
public:
  explicit WeightTable(ModuleOp module) : Builder(module.getBodyRegion()) {}

  /// The symbol of the data that `op` (a weight, constant or weight program) names; made on first sight.
  FlatSymbolRefAttr get(Operation *op);

private:
  std::string getName(Operation *op) const;

  OpBuilder Builder;
  llvm::StringMap<plan::DataOp> Known;
  int64_t Next = 0;
};

/// Builds the clone of one function.
class CloneBuilder {
public:
  CloneBuilder(func::FuncOp function, const SymbolicDims &dims, WeightTable &weights)
      : Function(function), Dims(dims), Weights(weights) {}

  LogicalResult build(plan::ProgramOp program);

private:
  LogicalResult checkOperations();
  LogicalResult placeResults(plan::ProgramOp program);
  void placeValues(OpBuilder &builder);
  LogicalResult buildLaunches(OpBuilder &builder);
  Value getAddress(OpBuilder &builder, Value value);
  AffineExpr getBytes(Value value) const;

  func::FuncOp Function;
  const SymbolicDims &Dims;
  WeightTable &Weights;
  llvm::DenseMap<Value, Value> Addresses;      // storage -> !plan.buffer
  SmallVector<std::pair<Value, Value>> Copies; // returned value -> output port
  AffineExpr Arena;
};
} // namespace

std::string WeightTable::getName(Operation *op) const {
  if (auto weight = dyn_cast<WeightOp>(op))
    return weight.getName().str();
  if (auto program = dyn_cast<WeightProgramOp>(op))
    return program.getName().str();
  return "constant";
}

FlatSymbolRefAttr WeightTable::get(Operation *op) {
  // Two weights are one when their programs print alike; names alone could collide.
  std::string key;
  llvm::raw_string_ostream stream(key);
  op->print(stream, OpPrintingFlags().useLocalScope());
  plan::DataOp &data = Known[key];
  if (!data) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    data = plan::DataOp::create(Builder, op->getLoc(), llvm::formatv("w{0}", Known.size() - 1).str(), getName(op), Next,
                                type);
    OpBuilder::InsertionGuard guard(Builder);
    Builder.createBlock(&data.getBody());
    if (auto program = dyn_cast<WeightProgramOp>(op)) {
      IRMapping map;
      for (Operation &inner : program.getBody().front())
        Builder.clone(inner, map);
    } else {
      YieldOp::create(Builder, op->getLoc(), Builder.clone(*op)->getResults());
    }
    Next = llvm::alignTo(Next + *getTensorBytes(type), 256);
  }
  return FlatSymbolRefAttr::get(data.getSymNameAttr());
}

AffineExpr CloneBuilder::getBytes(Value value) const {
  auto type = cast<RankedTensorType>(value.getType());
  AffineExpr bytes = getAffineConstantExpr(getElementBytes(type.getElementType()), value.getContext());
  for (AffineExpr dim : Dims[value])
    bytes = bytes * dim;
  return bytes;
}

LogicalResult CloneBuilder::checkOperations() {
  for (Operation &op : Function.getBody().front().without_terminator())
    if (!isa<FusionOp, ReshapeOp, WeightOp, WeightProgramOp, ConstantOp>(op))
      return op.emitOpError() << "is in no kernel; run 'lathe-form-fusions' before";
  return success();
}

/// Results are written where the caller wants them; one that has its place already is copied there.
LogicalResult CloneBuilder::placeResults(plan::ProgramOp program) {
  Block &ports = program.getBody().front();
  unsigned input = 0, state = program.getInputs().size() + program.getOutputs().size();
  for (BlockArgument argument : Function.getArguments())
    Addresses[argument] = ports.getArgument(isa<StateType>(argument.getType()) ? state++ : input++);
  unsigned output = program.getInputs().size();
  unsigned stateResult = 0;
  for (Value value : Function.getBody().front().getTerminator()->getOperands()) {
    Value storage = getStorage(value);
    if (isa<StateType>(value.getType())) {
      unsigned index = program.getInputs().size() + program.getOutputs().size() + stateResult++;
      if (Addresses.lookup(storage) != ports.getArgument(index))
        return Function.emitOpError() << "returns state " << stateResult - 1
                                      << " which is not the state that came in at the same place";
      continue;
    }
    Value port = ports.getArgument(output++);
    if (isa_and_nonnull<FusionOp>(storage.getDefiningOp()) && !Addresses.contains(storage))
      Addresses[storage] = port;
    else
      Copies.push_back({value, port});
  }
  return success();
}

/// Gives every other result of a fusion a piece of the arena, from its definition to its last reader.
void CloneBuilder::placeValues(OpBuilder &builder) {
  Block &body = Function.getBody().front();
  llvm::DenseMap<Operation *, unsigned> order;
  for (auto [i, op] : llvm::enumerate(body))
    order[&op] = i;
  llvm::MapVector<Value, ArenaRequest> requests;
  for (Operation &op : body) {
    for (Value operand : op.getOperands())
      if (auto *request = requests.find(getStorage(operand)); request != requests.end())
        request->second.last = order[&op];
    if (!isa<FusionOp>(op))
      continue;
    for (Value result : op.getResults())
      if (getStorage(result) == result && !Addresses.contains(result))
        requests[result] = {getBytes(result), order[&op], order[&op]};
  }
  SmallVector<ArenaRequest> list = llvm::map_to_vector(requests, [](auto &pair) { return pair.second; });
  Bounds bounds(Dims.getSymbols());
  ArenaLayout layout = layOutArena(list, bounds, builder.getContext());
  Arena = layout.bytes;
  int64_t total = 0;
  for (const ArenaRequest &request : list)
    total += bounds.getRange(request.bytes).second;
  remark::passed(Function.getLoc(), remark::RemarkOpts::name("PlanMemory").category("memory"))
      << remark::add("'{0}' needs an arena of at most {1} bytes for {2} values of at most {3} bytes in all",
                     Function.getName(), bounds.getRange(Arena).second, list.size(), total);
  auto toMap = [&](AffineExpr expression) { return AffineMap::get(0, Dims.getSymbols().size(), expression); };
  auto buffer = plan::BufferType::get(builder.getContext());
  for (auto [value, offset, request] : llvm::zip_equal(llvm::make_first_range(requests), layout.offsets, list))
    Addresses[value] = plan::BufferOp::create(builder, value.getLoc(), buffer, toMap(offset), toMap(request.bytes));
}

Value CloneBuilder::getAddress(OpBuilder &builder, Value value) {
  Value storage = getStorage(value);
  Value &address = Addresses[storage];
  if (!address)
    address = plan::AddressOp::create(builder, storage.getLoc(), plan::BufferType::get(builder.getContext()),
                                      Weights.get(storage.getDefiningOp()));
  return address;
}

LogicalResult CloneBuilder::buildLaunches(OpBuilder &builder) {
  llvm::DenseSet<Value> replaced;
  for (auto fusion : Function.getBody().front().getOps<FusionOp>()) {
    SmallVector<Value> inputs, outputs;
    SmallVector<AffineMap> shapes;
    for (Value operand : fusion.getOperands()) {
      if (replaced.contains(operand))
        return fusion.emitOpError() << "reads a state that was replaced before; a state value is linear";
      inputs.push_back(getAddress(builder, operand));
      shapes.push_back(Dims.getMap(operand));
    }
    for (OpResult result : fusion.getResults()) {
      if (Value operand = getReplacedOperand(fusion, result.getResultNumber()))
        replaced.insert(operand);
      outputs.push_back(getAddress(builder, result));
      shapes.push_back(Dims.getMap(result));
    }
    if (!fusion.getKernelAttr())
      return fusion.emitOpError() << "has no kernel; run 'lathe-choose-kernels' before";
    auto launch = plan::LaunchOp::create(builder, fusion.getLoc(), fusion.getKernelAttr(), inputs, outputs,
                                         builder.getAffineMapArrayAttr(shapes));
    IRMapping map;
    fusion.getBody().cloneInto(&launch.getBody(), map);
  }
  for (auto [value, port] : Copies)
    plan::CopyOp::create(builder, value.getLoc(), getAddress(builder, value), port,
                         AffineMap::get(0, Dims.getSymbols().size(), getBytes(value)));
  return success();
}

LogicalResult CloneBuilder::build(plan::ProgramOp program) {
  OpBuilder builder = OpBuilder::atBlockEnd(&program.getBody().front());
  SmallVector<Attribute> range;
  if (Attribute attribute = Function->getAttr(RangeAttrName))
    range.push_back(attribute);
  auto clone = plan::CloneOp::create(builder, Function.getLoc(), builder.getArrayAttr(range),
                                     AffineMap::getConstantMap(0, builder.getContext()));
  builder.createBlock(&clone.getBody());
  if (failed(checkOperations()) || failed(placeResults(program)))
    return failure();
  placeValues(builder);
  clone.setArenaAttr(AffineMapAttr::get(AffineMap::get(0, Dims.getSymbols().size(), Arena)));
  return buildLaunches(builder);
}

/// One port of the program for an argument or result with these attributes.
static plan::PortAttr makePort(func::FuncOp function, Type type, DictionaryAttr attributes, AffineMap dims,
                               StringRef fallback) {
  auto get = [&](StringRef key, StringRef otherwise) {
    auto value = attributes ? attributes.getAs<StringAttr>(key) : StringAttr();
    return value ? value.getValue() : otherwise;
  };
  auto tensor = dyn_cast<RankedTensorType>(type);
  return plan::PortAttr::get(function.getContext(), get(NameAttrName, fallback), get(RoleAttrName, "tensor"),
                             tensor ? tensor.getElementType() : type, dims);
}

/// The program of an entry point without its clones. `last` is the clone with the largest range.
static plan::ProgramOp buildSignature(OpBuilder &builder, StringRef name, func::FuncOp first, const SymbolicDims &dims,
                                      ArrayRef<SymbolAttr> symbols) {
  SmallVector<Attribute> inputs, outputs, states;
  for (BlockArgument argument : first.getArguments()) {
    auto &list = isa<StateType>(argument.getType()) ? states : inputs;
    list.push_back(makePort(first, argument.getType(), first.getArgAttrDict(argument.getArgNumber()),
                            dims.getMap(argument), llvm::formatv("input{0}", argument.getArgNumber()).str()));
  }
  for (auto [i, value] : llvm::enumerate(first.getBody().front().getTerminator()->getOperands()))
    if (!isa<StateType>(value.getType()))
      outputs.push_back(makePort(first, value.getType(), first.getResultAttrDict(i), dims.getMap(value),
                                 llvm::formatv("output{0}", i).str()));
  SmallVector<Attribute> symbolAttributes(symbols.begin(), symbols.end());
  auto program =
      plan::ProgramOp::create(builder, first.getLoc(), name, first->getAttrOfType<StringAttr>(EntryAttrName).getValue(),
                              builder.getArrayAttr(symbolAttributes), builder.getArrayAttr(inputs),
                              builder.getArrayAttr(outputs), builder.getArrayAttr(states));
  OpBuilder::InsertionGuard guard(builder);
  size_t ports = inputs.size() + outputs.size() + states.size();
  builder.createBlock(&program.getBody(), {}, SmallVector<Type>(ports, plan::BufferType::get(builder.getContext())),
                      SmallVector<Location>(ports, first.getLoc()));
  return program;
}

/// Symbols of the entry point: the clones' with the ranges put together again.
static SmallVector<SymbolAttr> joinSymbols(ArrayRef<func::FuncOp> clones) {
  SmallVector<SymbolAttr> joined;
  for (func::FuncOp clone : clones)
    if (auto symbols = clone->getAttrOfType<ArrayAttr>(SymbolsAttrName))
      for (auto [i, symbol] : llvm::enumerate(symbols.getAsRange<SymbolAttr>())) {
        if (i == joined.size())
          joined.push_back(symbol);
        joined[i] =
            SymbolAttr::get(symbol.getContext(), symbol.getName(), std::min(joined[i].getMin(), symbol.getMin()),
                            std::max(joined[i].getMax(), symbol.getMax()));
      }
  return joined;
}

namespace {
struct PlanMemory : lathe::impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    llvm::MapVector<StringAttr, SmallVector<func::FuncOp>> entries;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(EntryAttrName)) {
        auto of = function->getAttrOfType<FlatSymbolRefAttr>(CloneOfAttrName);
        entries[of ? of.getAttr() : function.getNameAttr()].push_back(function);
      }
    WeightTable weights(getOperation());
    OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
    for (auto &[name, clones] : entries) {
      plan::ProgramOp program;
      for (func::FuncOp clone : clones) {
        FailureOr<SymbolicDims> dims = SymbolicDims::compute(clone);
        if (failed(dims))
          return signalPassFailure();
        if (!program)
          program = buildSignature(builder, name, clone, *dims, joinSymbols(clones));
        if (failed(CloneBuilder(clone, *dims, weights).build(program)))
          return signalPassFailure();
      }
      for (func::FuncOp clone : clones)
        clone.erase();
    }
  }
};
} // namespace
