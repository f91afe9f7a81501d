#include "compiler/Verify.h"
#include "compiler/CompareResults.h"
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/lathe/reference/RandomInputs.h"
#include "dialects/plan/reference/PlanEvaluator.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "passes/fusion/CloneSymbol.h"

using namespace mlir;
using namespace lathe;

//===- Narrowest type
//-----------------------------------------------------------------------------------------------===//

static Type getNarrower(Type a, Type b) {
  auto rank = [](Type type) { return type.isF32() ? 0 : type.isF16() ? 1 : type.isBF16() ? 2 : 3; };
  if (isa<QuantizedTypeInterface>(b))
    b = IntegerType::get(b.getContext(), 8); // the only blocks that states hold are of 8-bit numbers
  else if (!isa<FloatType>(b) || b.isF64())
    return a;
  return rank(b) > rank(a) ? b : a;
}

/// True for a product whose rows MultiplyCodes has rounded: multiplied with the reciprocal of their scale.
static bool roundsRows(IntegerMatmulOp product) {
  if (product.getLhs().getDefiningOp<RoundRowsOp>())
    return true;
  auto cast = product.getLhs().getDefiningOp<CastOp>();
  auto round = cast ? cast.getInput().getDefiningOp<RoundOp>() : RoundOp();
  auto scaled = round ? round.getInput().getDefiningOp<MulOp>() : MulOp();
  return scaled && scaled.getRhs().getDefiningOp<ReciprocalOp>();
}

/// The narrowest type that activations or states of the functions have: a float, or what products
/// round rows to.
/// Weights have whatever the file gave them, and what is computed from weights alone is exact but for its own rounding.
static Type findNarrowest(Operation *root, Type narrowest) {
  llvm::DenseSet<Value> weights;
  auto note = [&](Value value) {
    if (auto state = dyn_cast<StateType>(value.getType()))
      narrowest = getNarrower(narrowest, state.getElement());
    else
      narrowest = getNarrower(narrowest, getElementTypeOrSelf(value.getType()));
  };
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto function = dyn_cast<func::FuncOp>(op))
      llvm::for_each(function.getArguments(), note);
    if (isa<WeightProgramOp, plan::ProgramOp, plan::DataOp>(op)) {
      weights.insert(op->result_begin(), op->result_end());
      return WalkResult::skip();
    }
    auto product = dyn_cast<IntegerMatmulOp>(op);
    if (isa<Int8MatmulOp>(op) || (product && roundsRows(product)))
      narrowest = IntegerType::get(op->getContext(), 8);
    if (isa<RoundE4M3Op>(op))
      narrowest = getNarrower(narrowest, Float8E4M3FNType::get(op->getContext()));
    bool fromWeights =
        !isa<FusionOp>(op) && llvm::all_of(op->getOperands(), [&](Value v) { return weights.contains(v); });
    for (Value result : op->getResults())
      if (fromWeights)
        weights.insert(result);
      else
        note(result);
    return WalkResult::advance();
  });
  return narrowest;
}

//===- Entry points in whatever form they have
//----------------------------------------------------------------------===//

/// Indices of tensors, then of states.
static SmallVector<unsigned> orderPorts(TypeRange types) {
  SmallVector<unsigned> order, states;
  for (auto [i, type] : llvm::enumerate(types))
    (isa<StateType>(type) ? states : order).push_back(i);
  llvm::append_range(order, states);
  return order;
}

/// The state `value` with elements of the type that `type` has.
static ReferenceValue convertState(const ReferenceValue &value, Type type) {
  auto from = dyn_cast<StateType>(value.getType());
  auto to = dyn_cast<StateType>(type);
  if (!from || !to || from == to)
    return value;
  std::vector<double> elements = loadElements(from.getElement(), value.getBytes());
  ReferenceValue result(to, {}, getRowBytes(to.getElement(), elements.size()));
  storeElements(to.getElement(), elements, result.mutableBytes());
  return result;
}

static StringRef getEntryName(func::FuncOp function) {
  auto of = function->getAttrOfType<FlatSymbolRefAttr>(CloneOfAttrName);
  return of ? of.getValue() : function.getName();
}

/// True when `function` is entry point `entry`, or the clone of it that serves `symbols`.
static bool serves(func::FuncOp function, StringRef entry, const std::map<std::string, int64_t> &symbols) {
  if (!function->hasAttr(EntryAttrName) || getEntryName(function) != entry)
    return false;
  auto range = function->getAttrOfType<SymbolAttr>(RangeAttrName);
  if (!range)
    return true;
  auto value = symbols.find(range.getName().str());
  return value != symbols.end() && value->second >= range.getMin() && value->second <= range.getMax();
}

/// Arguments and results in the order of ports; states are converted to what the function takes.
static FailureOr<std::vector<ReferenceValue>> evaluateFunction(Evaluator &evaluator, func::FuncOp function,
                                                               std::vector<ReferenceValue> &arguments) {
  SmallVector<unsigned> order = orderPorts(function.getArgumentTypes());
  SmallVector<ReferenceValue> ordered(order.size());
  for (auto [from, to] : llvm::enumerate(order)) {
    arguments[from] = convertState(arguments[from], function.getArgumentTypes()[to]);
    ordered[to] = arguments[from];
  }
  auto results = evaluator.evaluateFunction(function, ordered);
  if (failed(results))
    return failure();
  std::vector<ReferenceValue> sorted;
  for (unsigned i : orderPorts(function.getResultTypes()))
    sorted.push_back((*results)[i]);
  return sorted;
}

static std::vector<std::string> getResultNames(func::FuncOp function) {
  std::vector<std::string> names;
  for (unsigned i : orderPorts(function.getResultTypes())) {
    auto name = function.getResultAttrOfType<StringAttr>(i, NameAttrName);
    names.push_back(name ? name.str() : std::to_string(i));
  }
  return names;
}

//===- Baseline
//-----------------------------------------------------------------------------------------------------===//

/// The symbols' values, read off the shapes of the arguments.
static std::map<std::string, int64_t> readSymbols(func::FuncOp entry, ArrayRef<ReferenceValue> arguments) {
  std::map<std::string, int64_t> symbols;
  for (auto [i, argument] : llvm::enumerate(arguments))
    if (auto dims = entry.getArgAttrOfType<ArrayAttr>(i, DimsAttrName);
        dims && isa<RankedTensorType>(entry.getArgumentTypes()[i]))
      for (auto [dim, size] : llvm::zip_equal(dims, argument.getShape()))
        if (auto name = dyn_cast<StringAttr>(dim))
          symbols[name.str()] = size;
  return symbols;
}

LogicalResult NumericsCheck::addCase(func::FuncOp entry, uint64_t seed, const std::map<std::string, int64_t> &symbols) {
  RandomInputOptions random;
  random.Seed = seed;
  random.Symbols = symbols;
  auto values = makeRandomInputs(entry, random);
  if (failed(values))
    return failure();
  Case one;
  one.entry = entry.getName().str();
  one.symbols = readSymbols(entry, *values);
  llvm::raw_string_ostream setting(one.setting);
  llvm::interleaveComma(one.symbols, setting, [&](const auto &pair) { setting << pair.first << " = " << pair.second; });
  for (unsigned i : orderPorts(entry.getArgumentTypes()))
    one.arguments.push_back((*values)[i]);
  one.resultNames = getResultNames(entry);
  Evaluator evaluator(Options.directory);
  auto results = evaluateFunction(evaluator, entry, one.arguments);
  if (failed(results))
    return failure();
  one.expected = std::move(*results);
  Cases.push_back(std::move(one));
  return success();
}

/// Once with every symbol as small as may be, or a model over tokens for each clone; once with sizes drawn at random.
LogicalResult NumericsCheck::addCases(func::FuncOp entry) {
  std::map<std::string, int64_t> smallest;
  SymbolAttr tokens;
  if (auto symbols = entry->getAttrOfType<ArrayAttr>(SymbolsAttrName))
    for (auto symbol : symbols.getAsRange<SymbolAttr>()) {
      smallest[symbol.getName().str()] = symbol.getMin();
      if (symbol.getName() == "tokens")
        tokens = symbol;
    }
  uint64_t seed = Options.seed;
  if (cast<StringAttr>(entry->getAttr(EntryAttrName)).getValue() == "tensor" || !tokens) {
    if (failed(addCase(entry, seed, smallest)))
      return failure();
    return smallest.empty() ? success() : addCase(entry, seed + 1, {});
  }
  std::vector<int64_t> counts = {tokens.getMin()};
  for (int64_t boundary : Options.tokenBoundaries)
    if (boundary >= tokens.getMin() && boundary < tokens.getMax())
      counts.push_back(std::min(boundary + 5, tokens.getMax()));
  for (int64_t count : counts)
    if (failed(addCase(entry, seed++, {{"tokens", count}})))
      return failure();
  return success();
}

/// Where a pass has chosen the clones that an entry point is to be cut into, one for each of them that has none yet.
/// What the entry point computes now has been compared at other sizes.
LogicalResult NumericsCheck::addCasesOfClones(ModuleOp module) {
  for (auto entry : module.getOps<func::FuncOp>()) {
    auto ends = entry->getAttrOfType<DenseI64ArrayAttr>(CloneEndsAttrName);
    SymbolAttr cut = ends ? findCloneSymbol(entry) : SymbolAttr();
    if (!cut)
      continue;
    std::string name = cut.getName().str();
    SmallVector<int64_t> all(ends.asArrayRef());
    all.push_back(cut.getMax());
    int64_t least = cut.getMin();
    for (int64_t end : all) {
      bool known = llvm::any_of(Cases, [&](const Case &one) {
        auto size = one.symbols.find(name);
        return one.entry == entry.getName() && size != one.symbols.end() && size->second >= least &&
               size->second <= end;
      });
      if (!known && failed(addCase(entry, Options.seed + Cases.size(), {{name, std::min(least + 4, end)}})))
        return failure();
      least = end + 1;
    }
  }
  return success();
}

LogicalResult NumericsCheck::recordBaseline(ModuleOp module) {
  Recorded = true;
  Narrowest = findNarrowest(module, Float32Type::get(module.getContext()));
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(EntryAttrName) && failed(addCases(function))) {
      Failed = true;
      return failure();
    }
  return success();
}

//===- Comparison
//---------------------------------------------------------------------------------------------------===//

LogicalResult NumericsCheck::compare(const Case &one, ArrayRef<ReferenceValue> found, Comparison comparison,
                                     Location location, const Twine &culprit) {
  for (auto [i, value] : llvm::enumerate(found)) {
    assert(i < one.expected.size() && "an evaluation returns no more than the entry point");
    // A state that was narrowed is compared in the narrow type, as an input of that value would be.
    ReferenceValue expected = convertState(one.expected[i], value.getType());
    std::string difference = compareResults(expected, value, getTolerance(Narrowest, comparison));
    if (difference.empty())
      continue;
    Failed = true;
    emitError(location) << culprit << " changed the numbers: result '" << one.resultNames[i] << "' of '" << one.entry
                        << "' (" << (one.setting.empty() ? "static shapes" : one.setting) << ") " << difference;
    return failure();
  }
  return success();
}

LogicalResult NumericsCheck::checkCase(Case &one, Operation *changed, Change change, const Twine &culprit) {
  auto module = isa<ModuleOp>(changed) ? cast<ModuleOp>(changed) : changed->getParentOfType<ModuleOp>();
  Evaluator evaluator(Options.directory);
  FailureOr<std::vector<ReferenceValue>> found = failure();
  Operation *target = nullptr;
  if (auto program = module.lookupSymbol<plan::ProgramOp>(one.entry)) {
    target = program;
    auto results = plan::PlanEvaluator(evaluator).run(program, one.arguments);
    if (succeeded(results))
      found = std::vector<ReferenceValue>(results->begin(), results->end());
  }
  for (auto function : module.getOps<func::FuncOp>())
    if (!target && serves(function, one.entry, one.symbols)) {
      target = function;
      if (changed != module && changed != target)
        return success();
      found = evaluateFunction(evaluator, function, one.arguments);
    }
  if (!target)
    return emitError(module.getLoc()) << culprit << " left no function or program that serves '" << one.entry << "' ("
                                      << one.setting << ")";
  if (failed(found))
    return emitError(target->getLoc()) << culprit << " left '" << one.entry << "' so that it cannot be evaluated ("
                                       << one.setting << ")";
  if (change != Change::Expected && failed(compare(one, *found, Comparison::Rewrite, target->getLoc(), culprit)))
    return failure();
  if (change != Change::None)
    one.expected = std::move(*found);
  return success();
}

LogicalResult NumericsCheck::check(Operation *changed, const Twine &culprit, bool expectsChange) {
  if (Failed)
    return failure();
  Type narrowest = findNarrowest(changed, Narrowest);
  Change change = expectsChange ? Change::Expected : narrowest != Narrowest ? Change::Narrowed : Change::None;
  Narrowest = narrowest;
  for (Case &one : Cases)
    if (failed(checkCase(one, changed, change, culprit))) {
      Failed = true;
      return failure();
    }
  auto module = dyn_cast<ModuleOp>(changed);
  if (module && failed(addCasesOfClones(module))) {
    Failed = true;
    return failure();
  }
  return success();
}

LogicalResult NumericsCheck::checkNative(ModuleOp module, const NativeCall &run) {
  for (const Case &one : Cases) {
    auto found = run(one.entry, one.arguments);
    if (failed(found)) {
      Failed = true;
      return emitError(module.getLoc()) << "phase 'codegen': compiled '" << one.entry << "' does not run ("
                                        << one.setting << ")";
    }
    if (failed(compare(one, *found, Comparison::Kernel, module.getLoc(), "phase 'codegen'")))
      return failure();
  }
  return success();
}

//===- Instrumentation
//----------------------------------------------------------------------------------------------===//

namespace {
class NumericsInstrumentation : public PassInstrumentation {
public:
  NumericsInstrumentation(NumericsCheck &check, StringRef phase) : Check(check), Phase(phase) {}

  void runBeforePass(Pass *pass, Operation *op) override {
    if (auto module = dyn_cast<ModuleOp>(op); module && !Check.hasBaseline())
      (void)Check.recordBaseline(module);
    if (!isAdaptor(pass))
      Before.try_emplace({pass, op}, op);
  }

  void runAfterPass(Pass *pass, Operation *op) override {
    auto before = Before.find({pass, op});
    if (before == Before.end())
      return;
    bool same = before->second == OperationFingerPrint(op);
    Before.erase(before);
    if (same || failed(Check.getStatus()))
      return;
    StringRef name = pass->getArgument().empty() ? pass->getName() : pass->getArgument();
    bool expectsChange = llvm::is_contained({"lathe-quantize-weights", "lathe-round-rows"}, pass->getArgument());
    (void)Check.check(op, "pass '" + name + "' of phase '" + Phase + "'", expectsChange);
  }

private:
  /// What runs nested pipelines is a pass too, which changes nothing itself.
  static bool isAdaptor(Pass *pass) { return pass->getName().contains("PassAdaptor"); }

  NumericsCheck &Check;
  std::string Phase;
  std::map<std::pair<Pass *, Operation *>, OperationFingerPrint> Before;
};
} // namespace

void NumericsCheck::addTo(PassManager &pm, StringRef phase) {
  pm.getContext()->disableMultithreading();
  pm.addInstrumentation(std::make_unique<NumericsInstrumentation>(*this, phase));
}
