#include "tools/QuantizationCheck.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <cstdlib>

using namespace lathe;
using namespace lathe::tools;

QuantizationCheck::QuantizationCheck(mlir::MLIRContext &context, const CompileOptions &options,
                                     std::vector<std::string> inputs)
    : Context(context), Options(options), Inputs(std::move(inputs)),
      FolderError(llvm::sys::fs::createUniqueDirectory("lathec-quantization", Folder)) {}

QuantizationCheck::~QuantizationCheck() {
  if (!FolderError)
    llvm::sys::fs::remove_directories(Folder);
}

std::string QuantizationCheck::place(llvm::StringRef name) const { return (Folder + "/" + name).str(); }

std::string QuantizationCheck::describeInputs() const {
  std::string text;
  for (llvm::StringRef input : Inputs)
    text += (text.empty() ? "" : ", ") + llvm::sys::path::filename(input.substr(input.find('=') + 1)).str();
  return text;
}

/// The same for the CPU of this machine, where nothing is rounded but weights, and rows where `compare` says so.
CompileOptions QuantizationCheck::optionsFor(llvm::StringRef step) const {
  CompileOptions result;
  result.input = Options.input;
  result.dims = Options.dims;
  result.shapes = Options.shapes;
  result.contextLength = Options.contextLength;
  result.embeddings = Options.embeddings;
  result.onlyThisHost = true;
  result.progress = [this, step](llvm::StringRef phase) { Options.progress((step + ": " + phase).str()); };
  return result;
}

bool QuantizationCheck::compileTo(CompileOptions options, const std::string &path) {
  Compilation compilation(Context, std::move(options));
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

static nlohmann::ordered_json evaluate(const EvalArguments &arguments, const std::vector<std::string> &inputs,
                                       std::unique_ptr<TextSource> &source) {
  Model model = loadModel(arguments.model);
  if (model.info().kind != LATHE_ENTRY_LANGUAGE_MODEL)
    return describeTensors(evaluateTensors(arguments, model));
  if (inputs.size() != 1)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "a language model is evaluated on one text, but " +
                                                     std::to_string(inputs.size()) + " were given");
  EvalArguments text = arguments;
  text.text = inputs.front();
  if (!source)
    source = std::make_unique<TextSource>(text);
  return describeText(evaluateText(text, std::move(model), source.get()), text.text);
}

llvm::Expected<nlohmann::ordered_json> QuantizationCheck::compare(llvm::StringRef recipe,
                                                                  const std::vector<std::string> &formatChoices,
                                                                  llvm::StringRef activations, llvm::StringRef step) {
  if (FolderError)
    return llvm::createStringError("no temporary folder could be made: " + FolderError.message());
  EvalArguments arguments;
  arguments.model.model = place("quantized.lathe");
  arguments.model.device = "cpu";
  arguments.source = place("source.lathe");
  arguments.inputs.files = Inputs;
  arguments.inputs.random = true; // inputs that no file gives
  arguments.progress = "never";
  HasSource = HasSource || compileTo(optionsFor("evaluation, source"), arguments.source);
  CompileOptions quantized = optionsFor(step);
  quantized.pipeline.quantize = recipe.str();
  quantized.pipeline.formatChoices = formatChoices;
  quantized.pipeline.activations = activations.str();
  if (!HasSource || !compileTo(std::move(quantized), arguments.model.model))
    return llvm::createStringError("");
  Options.progress(step);
  try {
    nlohmann::ordered_json found = evaluate(arguments, Inputs, Source);
    if (!activations.empty())
      found["activations"] = activations;
    return found;
  } catch (const CommandFailure &failure) {
    std::string message = failure.what();
    for (const std::string &artifact : {arguments.model.model, arguments.source}) // which nobody but us knows
      if (size_t at = message.find(artifact); at != std::string::npos)
        message.replace(at, artifact.size(), Options.input);
    return llvm::createStringError("--evaluate: " + message);
  }
}
