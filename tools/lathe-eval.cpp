// Runs functions of a module on the reference evaluator and prints what they return.
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/lathe/reference/RandomInputs.h"
#include "dialects/lathe/reference/RankGroup.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/ToolUtilities.h"
#include "tools/ExitCodes.h"
#include "tools/Numbers.h"
#include "tools/lathe/Arrays.h"
#include "tools/lathe/CommandFailure.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"
#include <CLI/CLI.hpp>
#include <charconv>
#include <thread>

using namespace mlir;
using namespace lathe;

namespace {
struct Options {
  std::string File, Entry;
  std::vector<std::string> Inputs, Symbols;
  std::optional<uint64_t> Seed;
  int64_t Pages = 1;
  bool VerifyDiagnostics = false;
};
} // namespace

//===- Printing
//-----------------------------------------------------------------------------------------------------===//

/// The shortest digits that give the value back in f32.
static std::string formatFloat(double value) {
  char text[32];
  auto [end, status] = std::to_chars(text, text + sizeof(text), float(value));
  assert(status == std::errc() && "32 characters hold any float");
  return std::string(text, end);
}

static std::string formatElement(const ReferenceValue &value, int64_t index) {
  return isa<FloatType>(value.getType())         ? formatFloat(value.getFloat(index))
         : value.getType().isUnsignedInteger(64) ? std::to_string(uint64_t(value.getInt(index)))
                                                 : std::to_string(value.getInt(index));
}

/// Prints the elements from `first` on as nested lists, one for each dimension from `dimension` on.
static void printElements(raw_ostream &os, const ReferenceValue &value, size_t dimension, int64_t first) {
  if (dimension == value.getShape().size()) {
    os << formatElement(value, first);
    return;
  }
  int64_t inner = ShapedType::getNumElements(value.getShape().drop_front(dimension + 1));
  os << '[';
  llvm::interleaveComma(llvm::seq<int64_t>(0, value.getShape()[dimension]), os,
                        [&](int64_t i) { printElements(os, value, dimension + 1, first + i * inner); });
  os << ']';
}

/// Prints the elements of a state that are not zero, by their place in its memory: `{6: 1, 38: 2.5}`.
static void printState(raw_ostream &os, const ReferenceValue &value) {
  Type element = cast<StateType>(value.getType()).getElement();
  const char *separator = "";
  os << '{';
  for (auto [i, number] : llvm::enumerate(loadElements(element, value.getBytes())))
    if (number != 0) {
      os << separator << i << ": " << formatFloat(number);
      separator = ", ";
    }
  os << '}';
}

static void printResults(func::FuncOp function, ArrayRef<ReferenceValue> results) {
  raw_ostream &os = llvm::outs();
  os << "@" << function.getName() << "\n";
  for (auto [i, value] : llvm::enumerate(results)) {
    auto name = function.getResultAttrOfType<StringAttr>(i, NameAttrName);
    os << "  " << (name ? name.str() : "result " + std::to_string(i)) << ": ";
    if (isa<StateType>(value.getType())) {
      os << value.getType() << " = ";
      printState(os, value);
    } else {
      os << RankedTensorType::get(value.getShape(), value.getType()) << " = ";
      printElements(os, value, 0, 0);
    }
    os << "\n";
  }
}

//===- Arguments
//----------------------------------------------------------------------------------------------------===//

static LogicalResult fail(const Twine &message) {
  llvm::errs() << "lathe-eval: " << message << "\n";
  return failure();
}

static Type getStoredType(MLIRContext *context, lathe_type type) {
  switch (type) {
  case LATHE_F32:
    return Float32Type::get(context);
  case LATHE_F16:
    return Float16Type::get(context);
  case LATHE_BF16:
    return BFloat16Type::get(context);
  case LATHE_F64:
    return Float64Type::get(context);
  case LATHE_I8:
    return IntegerType::get(context, 8);
  case LATHE_U8:
    return IntegerType::get(context, 8, IntegerType::Unsigned);
  case LATHE_I16:
    return IntegerType::get(context, 16);
  case LATHE_I32:
    return IntegerType::get(context, 32);
  case LATHE_I64:
    return IntegerType::get(context, 64);
  case LATHE_U32:
    return IntegerType::get(context, 32, IntegerType::Unsigned);
  case LATHE_BOOL:
    return IntegerType::get(context, 1);
  case LATHE_U16:
    return IntegerType::get(context, 16, IntegerType::Unsigned);
  case LATHE_U64:
    return IntegerType::get(context, 64, IntegerType::Unsigned);
  case LATHE_F8_E4M3:
  case LATHE_Q8_0:
    break;
  }
  llvm_unreachable("the array reader knows these types alone");
}

/// The array in the element type of the argument. Floats may come in any width; integers must match.
static FailureOr<ReferenceValue> convert(const std::string &name, const tools::Array &array, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.getElementType().isIntOrFloat()) {
    (void)fail("argument '" + name + "' is no tensor of numbers, needed one to take an array");
    return failure();
  }
  Type stored = getStoredType(type.getContext(), array.type), element = tensor.getElementType();
  if (stored != element && !(isa<FloatType>(stored) && isa<FloatType>(element))) {
    (void)fail(llvm::formatv("argument '{0}' has elements of type {1}, needed {2}", name, stored, element).str());
    return failure();
  }
  ReferenceValue value = ReferenceValue::tensor(stored, array.shape);
  llvm::copy(array.bytes, value.mutableBytes().begin());
  return roundToStored(value, type);
}

/// Splits `name=text`; fails when there is no '='.
static FailureOr<std::pair<std::string, std::string>> splitOption(const std::string &text) {
  auto [name, value] = StringRef(text).split('=');
  if (value.empty()) {
    (void)fail("'" + text + "' has no value, needed name=value");
    return failure();
  }
  return std::pair(name.str(), value.str());
}

static FailureOr<std::map<std::string, tools::Array>> readInputs(const Options &options) {
  std::map<std::string, tools::Array> arrays;
  for (const std::string &input : options.Inputs) {
    auto pair = splitOption(input);
    if (failed(pair))
      return failure();
    try {
      arrays[pair->first] = tools::readArray(pair->second);
    } catch (const tools::CommandFailure &problem) {
      (void)fail(problem.what());
      return failure();
    }
  }
  return arrays;
}

static FailureOr<SmallVector<ReferenceValue>> makeRandom(func::FuncOp function, const Options &options) {
  RandomInputOptions random;
  random.Seed = *options.Seed;
  for (const std::string &symbol : options.Symbols) {
    auto pair = splitOption(symbol);
    if (failed(pair) || StringRef(pair->second).getAsInteger(10, random.Symbols[pair->first])) {
      (void)fail("'" + symbol + "' gives no size, needed name=number");
      return failure();
    }
  }
  return makeRandomInputs(function, random);
}

/// Arguments by name from --input, else from --random; states start as zeros.
static FailureOr<SmallVector<ReferenceValue>> makeArguments(func::FuncOp function, const Options &options) {
  FailureOr<std::map<std::string, tools::Array>> arrays = readInputs(options);
  if (failed(arrays))
    return failure();
  SmallVector<ReferenceValue> values(function.getNumArguments());
  if (options.Seed) {
    auto random = makeRandom(function, options);
    if (failed(random))
      return failure();
    values = std::move(*random);
  }
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Type type = function.getArgumentTypes()[i];
    auto attribute = function.getArgAttrOfType<StringAttr>(i, NameAttrName);
    std::string name = attribute ? attribute.str() : std::to_string(i);
    if (auto found = arrays->find(name); found != arrays->end()) {
      FailureOr<ReferenceValue> value = convert(name, found->second, type);
      if (failed(value))
        return failure();
      values[i] = *value;
      arrays->erase(found);
    } else if (auto state = dyn_cast<StateType>(type); state && !options.Seed) {
      values[i] = ReferenceValue(type, {}, options.Pages * state.getUnitBytes());
    } else if (!options.Seed) {
      return fail("argument '" + name + "' of '" + function.getName() + "' has no value; give --input " + name +
                  "=FILE or --random SEED");
    }
  }
  if (!arrays->empty())
    return fail("'" + arrays->begin()->first + "' is no argument of '" + function.getName() + "'");
  return values;
}

//===- Running
//------------------------------------------------------------------------------------------------------===//

/// The function named, or the entry points if there are inputs, or all functions that need none.
static SmallVector<func::FuncOp> chooseFunctions(ModuleOp module, const Options &options) {
  bool hasInputs = options.Seed || !options.Inputs.empty();
  SmallVector<func::FuncOp> chosen;
  for (auto function : module.getOps<func::FuncOp>()) {
    bool takesStates = llvm::all_of(function.getArgumentTypes(), llvm::IsaPred<StateType>);
    if (!options.Entry.empty() ? function.getName() == options.Entry
        : hasInputs            ? function->hasAttr(EntryAttrName)
                               : takesStates)
      chosen.push_back(function);
  }
  return chosen;
}

using Results = SmallVector<ReferenceValue>;

/// Runs the function on all ranks of the module's grid, each on a thread, and returns the results of each.
static FailureOr<std::vector<Results>> runRanks(func::FuncOp function, ArrayRef<ReferenceValue> arguments,
                                                StringRef directory) {
  Grid grid = Grid::of(function);
  RankGroup group(grid);
  std::vector<FailureOr<Results>> results(grid.getNumRanks(), failure());
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < grid.getNumRanks(); ++rank)
    threads.emplace_back([&, rank] {
      Evaluator evaluator(directory);
      if (!grid.empty())
        evaluator.joinRanks(group, rank);
      results[rank] = evaluator.evaluateFunction(function, arguments);
      if (succeeded(results[rank]))
        for (ReferenceValue &value : *results[rank])
          (void)value.mutableBytes(); // it may be a weight, and the evaluator unmaps the file
      group.leave(rank);
    });
  for (std::thread &thread : threads)
    thread.join();
  std::vector<Results> all;
  for (FailureOr<Results> &result : results) {
    if (failed(result))
      return failure();
    all.push_back(std::move(*result));
  }
  return all;
}

/// What rank 0 returns, and what others do where that is something else.
static void printRanks(func::FuncOp function, ArrayRef<Results> ranks) {
  printResults(function, ranks[0]);
  for (auto [rank, results] : llvm::enumerate(ranks)) {
    bool same = llvm::all_of(llvm::zip_equal(results, ranks[0]),
                             [](auto pair) { return std::get<0>(pair).getBytes() == std::get<1>(pair).getBytes(); });
    if (same)
      continue;
    llvm::outs() << "rank " << rank << "\n";
    printResults(function, results);
  }
}

static LogicalResult runModule(ModuleOp module, const Options &options) {
  if (failed(verifyGrid(module)))
    return failure();
  SmallVector<func::FuncOp> functions = chooseFunctions(module, options);
  if (functions.empty())
    return fail(
        options.File + ": has no function " +
        (options.Entry.empty() ? "that can run; give --entry, --input or --random" : "'" + options.Entry + "'"));
  LogicalResult status = success();
  for (func::FuncOp function : functions) {
    auto arguments = makeArguments(function, options);
    FailureOr<std::vector<Results>> results = failure();
    if (succeeded(arguments))
      results = runRanks(function, *arguments, llvm::sys::path::parent_path(options.File));
    if (failed(results))
      status = failure();
    else
      printRanks(function, *results);
  }
  return status;
}

static LogicalResult run(const Options &options) {
  DialectRegistry registry;
  registry.insert<LatheDialect, func::FuncDialect>();
  MLIRContext context(registry);
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(options.File, &error);
  if (!buffer)
    return fail(error);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  auto parseAndRun = [&] {
    OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
    return module ? runModule(*module, options) : failure();
  };
  if (!options.VerifyDiagnostics) {
    SourceMgrDiagnosticHandler handler(sources, &context);
    return parseAndRun();
  }
  context.printOpOnDiagnostic(false);
  SourceMgrDiagnosticVerifierHandler handler(sources, &context);
  (void)parseAndRun();
  return handler.verify();
}

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Runs functions of a module on the reference evaluator and prints what they return. Without inputs: all "
               "functions that take none (states start as zeros).",
               "lathe-eval");
  app.add_option("file", options.File, "MLIR text or bytecode")->required();
  app.add_option("--entry", options.Entry, "Run this function alone");
  app.add_option("--input", options.Inputs, "Value of an argument, by its lathe.name or number: name=FILE, .npy or .pb")
      ->type_name("NAME=FILE");
  app.add_option("--random", options.Seed, "Make up all other arguments from this seed")->type_name("SEED");
  app.add_option("--symbol", options.Symbols, "With --random, the value of a symbol: name=number")
      ->type_name("NAME=SIZE");
  app.add_option("--pages", options.Pages, "Pages (or sequences) of each state that starts as zeros")
      ->check(tools::Positive);
  app.add_flag("--verify-diagnostics", options.VerifyDiagnostics, "Check diagnostics against expected-* comments");
  app.footer(tools::ExitCodeHelp);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? tools::Success : tools::InvalidUsage;
  }
  if (options.File != "-" && !llvm::sys::fs::exists(options.File)) {
    (void)fail(options.File + ": cannot be read: there is no such file");
    return tools::NotFound;
  }
  return failed(run(options)) ? tools::ModelFailed : tools::Success;
}
