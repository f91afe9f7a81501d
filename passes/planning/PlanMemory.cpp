// See PlanMemory in Passes.td.
#include "dialects/lathe/Collectives.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"
#include "passes/planning/CloneBuilder.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// The name of what `op` makes.
static std::string getName(Operation *op) {
  // Tensors in attributes of a model may have no name.
  if (auto weight = dyn_cast<WeightOp>(op))
    return weight.getName().empty() ? "constant" : weight.getName().str();
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
    if (Last)
      Builder.setInsertionPointAfter(Last);
    else
      Builder.setInsertionPointToStart(Module.getBody());
    data = plan::DataOp::create(Builder, op->getLoc(), llvm::formatv("w{0}", Known.size() - 1).str(), getName(op), Next,
                                type);
    Last = data;
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

/// Weights that all ranks share come first. Behind them, on a page of their own, stand those that are another on each
/// rank: a rank maps its own at the same place.
static void placeSlices(ModuleOp module) {
  constexpr int64_t PageBytes = 4096, Alignment = 256;
  SmallVector<plan::DataOp> shared, sliced;
  for (auto data : module.getOps<plan::DataOp>())
    (data.getBody().getOps<TakeShardOp>().empty() ? shared : sliced).push_back(data);
  if (sliced.empty())
    return;
  int64_t next = 0;
  auto place = [&](plan::DataOp data) {
    data.setOffset(next);
    next = llvm::alignTo(next + *getTensorBytes(cast<RankedTensorType>(data.getType())), Alignment);
  };
  llvm::for_each(shared, place);
  next = llvm::alignTo(next, PageBytes);
  Operation *last = shared.empty() ? nullptr : shared.back().getOperation();
  for (plan::DataOp data : sliced) {
    place(data);
    if (last)
      data->moveAfter(last);
    last = data;
  }
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
        FailureOr<plan::CloneOp> built = CloneBuilder(clone, *dims, weights).build(program);
        if (failed(built))
          return signalPassFailure();
        placeMemory(*built, clone.getName());
      }
      for (func::FuncOp clone : clones)
        clone.erase();
    }
    placeSlices(getOperation());
  }
};
} // namespace
