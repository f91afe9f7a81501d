#include "frontends/gguf/GgufImporter.h"
#include "frontends/gguf/architectures/Architectures.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include "llvm/Support/Path.h"

using namespace mlir;
using namespace lathe;

// Sorted by name.
static constexpr std::pair<StringLiteral, BuildArchitecture *> Architectures[] = {
    {"bert", buildBert},           {"command-r", buildCommandR},
    {"deepseek2", buildDeepSeek2}, {"falcon", buildFalcon},
    {"gemma", buildGemma},         {"gemma2", buildGemma2},
    {"gemma3", buildGemma3},       {"glm4", buildGlm4},
    {"gpt-oss", buildGptOss},      {"granite", buildGranite},
    {"llama", buildLlama},         {"nomic-bert", buildNomicBert},
    {"olmo2", buildOlmo2},         {"phi3", buildPhi3},
    {"qwen2", buildQwen},          {"qwen3", buildQwen},
    {"qwen3moe", buildQwen},       {"smollm3", buildSmolLm3},
    {"stablelm", buildStableLm},   {"starcoder2", buildStarCoder2}};

/// The builder of an architecture, or null, reported.
static BuildArchitecture *findArchitecture(const gguf::GgufFile &file, Location location, std::string &name) {
  const gguf::Value *value = file.findEntry("general.architecture");
  std::optional<std::string_view> text = value ? value->asString() : std::nullopt;
  if (!text) {
    emitError(location) << "metadata 'general.architecture' is missing or no string; this file holds no model";
    return nullptr;
  }
  name = *text;
  for (auto [known, build] : Architectures)
    if (known == name)
      return build;
  InFlightDiagnostic diagnostic = emitError(location)
                                  << "architecture is '" << name << "', which cannot be imported; supported are";
  StringRef separator = " ";
  for (auto [known, build] : Architectures) {
    diagnostic << separator << known;
    separator = ", ";
  }
  return nullptr;
}

/// What of a file holds for the whole module.
static void describeModule(ModuleOp module, const gguf::GgufFile &file, StringRef architecture) {
  Builder builder(module.getContext());
  SmallVector<Attribute> paths;
  for (const std::string &path : file.paths())
    paths.push_back(builder.getStringAttr(path));
  std::string name = llvm::sys::path::stem(file.paths().front()).str();
  if (const gguf::Value *value = file.findEntry("general.name"))
    if (std::optional<std::string_view> text = value->asString())
      name = *text;
  module->setAttr(FilesAttrName, builder.getArrayAttr(paths));
  module->setAttr("lathe.name", builder.getStringAttr(name));
  module->setAttr("lathe.format", builder.getStringAttr("gguf"));
  module->setAttr("lathe.architecture", builder.getStringAttr(architecture));
}

FailureOr<OwningOpRef<ModuleOp>> lathe::importGguf(MLIRContext &context, StringRef path,
                                                   const GgufImportOptions &options) {
  context.loadDialect<func::FuncDialect, LatheDialect>();
  std::string error;
  std::unique_ptr<gguf::GgufFile> file = gguf::GgufFile::open(path.str(), error);
  if (!file) {
    emitError(UnknownLoc::get(&context)) << error;
    return failure();
  }
  Location location = FileLineColLoc::get(&context, path, 0, 0);
  if (file->tensors().empty()) {
    emitError(location) << "holds no tensors, so there is nothing to compile; a vocabulary alone is read by 'lathe "
                           "tokenize'";
    return failure();
  }
  std::string architecture;
  BuildArchitecture *build = findArchitecture(*file, location, architecture);
  if (!build)
    return failure();

  OwningOpRef<ModuleOp> module(ModuleOp::create(location));
  describeModule(*module, *file, architecture);
  ModelReader reader(context, *file, architecture);
  build(*module, reader, options);
  // Sizes that cannot be used leave no program to hold the tensors against.
  if (!module->getBody()->empty())
    reader.refuseUnusedTensors();
  if (reader.hasFailed() || failed(verify(*module)))
    return failure();
  return module;
}
