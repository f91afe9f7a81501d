#include "tools/QuantizationCheck.h"
#include "tools/lathe/Eval.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <cstdlib>

using namespace lathe;
using namespace lathe::tools;

namespace {
/// A folder that goes with its files.
class TemporaryFolder {
public:
  explicit TemporaryFolder(llvm::StringRef prefix) : Error(llvm::sys::fs::createUniqueDirectory(prefix, Path)) {}
  ~TemporaryFolder() {
    if (!Error)
      llvm::sys::fs::remove_directories(Path);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;

  std::error_code getError() const { return Error; }
  std::string place(llvm::StringRef name) const { return (Path + "/" + name).str(); }

private:
  llvm::SmallString<128> Path;
  std::error_code Error;
};
} // namespace

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// The same for the CPU of this machine, where nothing but weights is rounded.
static CompileOptions optionsFor(const CompileOptions &options, llvm::StringRef what) {
  CompileOptions result;
  result.input = options.input;
  result.dims = options.dims;
  result.shapes = options.shapes;
  result.contextLength = options.contextLength;
  result.embeddings = options.embeddings;
  result.progress = [&options, what](llvm::StringRef step) { options.progress((what + ": " + step).str()); };
  return result;
}

static bool compileTo(mlir::MLIRContext &context, CompileOptions options, const std::string &path) {
  Compilation compilation(context, std::move(options));
  return succeeded(compilation.run()) && succeeded(compilation.emit(EmitKind::Artifact, path));
}

/// Four digits, so that machines of other levels write the same.
static nlohmann::ordered_json roundNumbers(const nlohmann::json &value) {
  if (value.is_number_float()) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", value.get<double>());
    return std::strtod(text, nullptr);
  }
  if (!value.is_structured())
    return value;
  nlohmann::ordered_json result = value.is_array() ? nlohmann::ordered_json::array() : nlohmann::ordered_json::object();
  for (const auto &item : value.items())
    if (value.is_array())
      result.push_back(roundNumbers(item.value()));
    else
      result[item.key()] = roundNumbers(item.value());
  return result;
}

static nlohmann::ordered_json describeText(const nlohmann::json &found, llvm::StringRef path) {
  nlohmann::ordered_json result;
  result["text"] = llvm::sys::path::filename(path).str();
  for (const char *key : {"tokens", "context", "stride", "perplexity", "standard_error"})
    result[key] = roundNumbers(found[key]);
  const nlohmann::json &source = found["source"];
  result["source_perplexity"] = roundNumbers(source["perplexity"]);
  for (const char *key : {"ratio", "ratio_interval", "divergence", "divergence_interval", "divergence_median",
                          "divergence_99", "divergence_greatest", "same_top"})
    result[key] = roundNumbers(source[key]);
  return result;
}

static nlohmann::ordered_json describeTensors(const nlohmann::json &found) {
  nlohmann::ordered_json result;
  double most = -1;
  for (const nlohmann::json &output : found["outputs"])
    if (output.contains("divergence"))
      most = std::max(most, output["divergence"].get<double>());
  if (most >= 0)
    result["divergence"] = roundNumbers(most);
  result["outputs"] = roundNumbers(found["outputs"]);
  return result;
}

static nlohmann::ordered_json evaluate(const EvalArguments &arguments, const std::vector<std::string> &inputs) {
  Model model = loadModel(arguments.model);
  if (model.info().kind != LATHE_ENTRY_LANGUAGE_MODEL)
    return describeTensors(evaluateTensors(arguments, model));
  if (inputs.size() != 1)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "a language model is evaluated on one text, but " +
                                                     std::to_string(inputs.size()) + " were given");
  EvalArguments text = arguments;
  text.text = inputs.front();
  return describeText(evaluateText(text), text.text);
}

llvm::Expected<nlohmann::ordered_json> tools::evaluateQuantization(mlir::MLIRContext &context,
                                                                   const CompileOptions &options,
                                                                   const std::vector<std::string> &inputs) {
  TemporaryFolder folder("lathec-quantization");
  if (folder.getError())
    return fail("no temporary folder could be made: " + folder.getError().message());
  EvalArguments arguments;
  arguments.model.model = folder.place("quantized.lathe");
  arguments.model.device = "cpu";
  arguments.source = folder.place("source.lathe");
  arguments.inputs.files = inputs;
  arguments.inputs.random = true; // inputs that no file gives
  arguments.progress = "never";
  CompileOptions quantized = optionsFor(options, "evaluation, quantized");
  quantized.pipeline.quantize = options.pipeline.quantize;
  if (!compileTo(context, optionsFor(options, "evaluation, source"), arguments.source) ||
      !compileTo(context, std::move(quantized), arguments.model.model))
    return fail("");
  options.progress("evaluation");
  try {
    return evaluate(arguments, inputs);
  } catch (const CommandFailure &failure) {
    return fail("--evaluate: " + std::string(failure.what()));
  }
}
