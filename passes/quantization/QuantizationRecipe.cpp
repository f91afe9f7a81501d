#include "passes/quantization/QuantizationRecipe.h"
#include "dialects/lathe/BlockedFormats.h"
#include "passes/quantization/LlamaRecipes.h"
#include "runtime/gguf/BlockFormat.h"
#include "runtime/gguf/Quantize.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace lathe;

static constexpr StringLiteral Keep = "keep", Fit = "fit";
/// Those that both targets have fast kernels for, from the coarsest on.
static constexpr StringLiteral FitFormats[] = {"q2_k", "q3_k", "iq4_xs", "q4_k", "q5_k", "q6_k", "q8_0"};

/// The formats that `what` leaves to a size; nothing where it does not.
static std::optional<SmallVector<StringRef>> getFitFormats(StringRef what) {
  if (what == Fit)
    return llvm::to_vector_of<StringRef>(FitFormats);
  if (!what.consume_front(Fit) || !what.consume_front(":"))
    return std::nullopt;
  SmallVector<StringRef> formats;
  what.split(formats, ',');
  return formats;
}

std::vector<StringRef> lathe::listQuantizedFormats() {
  std::vector<StringRef> names;
  for (const gguf::BlockFormat &format : gguf::blockFormats())
    if (format.isBlocked && gguf::canQuantize(format))
      names.push_back(format.name);
  for (const BlockedFormat &format : getBlockedFormats())
    if (!llvm::is_contained(names, format.Name))
      names.push_back(format.Name);
  return names;
}

QuantizedTypeInterface lathe::findQuantizedType(MLIRContext *context, StringRef format, ArrayRef<int64_t> shape) {
  // GGUF's blocks are what most kernels are tuned for, but those of nvfp4 have no scale of the whole tensor.
  QuantizedTypeInterface type = getBlockedType(context, format, shape);
  if (const gguf::BlockFormat *known = gguf::findBlockFormat(std::string_view(format));
      known && known->isBlocked && gguf::canQuantize(*known) && format != "nvfp4")
    type = GgufType::get(context, format);
  return type && type.canPack() && succeeded(type.getByteSize(shape)) ? type : QuantizedTypeInterface();
}

llvm::Error QuantizationRecipe::fail(int line, const Twine &message) const {
  std::string where = line ? File + ":" + std::to_string(line) + ": " : "";
  return llvm::createStringError(where + message.str());
}

std::string QuantizationRecipe::findFault(StringRef what) {
  std::vector<StringRef> known = listQuantizedFormats();
  if (std::optional<SmallVector<StringRef>> formats = getFitFormats(what)) {
    for (StringRef format : *formats)
      if (!llvm::is_contained(known, format))
        return ("fit names '" + format + "', needed formats: " + llvm::join(known, ", ")).str();
    return "";
  }
  if (what == Keep || llvm::is_contained(known, what) || llvm::is_contained(listLlamaRecipes(), what))
    return "";
  return ("format is '" + what + "', needed keep, fit, or a format: " + llvm::join(known, ", ") +
          "; or a recipe: " + llvm::join(listLlamaRecipes(), ", "))
      .str();
}

llvm::Error QuantizationRecipe::addRule(StringRef pattern, StringRef what, int line) {
  if (std::string fault = findFault(what); !fault.empty())
    return fail(line, fault);
  llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(pattern);
  if (!glob)
    return fail(line, "pattern '" + pattern + "' is malformed: " + llvm::toString(glob.takeError()));
  Rules.push_back({pattern.str(), what.str(), line});
  return llvm::Error::success();
}

llvm::Error QuantizationRecipe::readLines(StringRef text) {
  int number = 0;
  for (StringRef line : llvm::split(text, '\n')) {
    ++number;
    SmallVector<StringRef> words;
    llvm::SplitString(line.take_until([](char c) { return c == '#'; }), words);
    if (words.empty())
      continue;
    if (words.size() != 2)
      return fail(number, "has " + Twine(words.size()) + " words, needed two: a pattern and a format");
    if (llvm::Error error = addRule(words[0], words[1], number))
      return error;
  }
  return Rules.empty() ? fail(number, "names no weight; needed lines of a pattern and a format")
                       : llvm::Error::success();
}

llvm::Expected<QuantizationRecipe> QuantizationRecipe::read(StringRef text) {
  QuantizationRecipe recipe;
  if (findFault(text).empty()) {
    if (llvm::Error error = recipe.addRule("*", text, /*line=*/0))
      return error;
    return recipe;
  }
  recipe.File = text.str();
  auto file = llvm::MemoryBuffer::getFile(text, /*IsText=*/true);
  if (!file) {
    // What is no path is a name that was meant to be one of the list.
    if (!text.contains('/') && !text.contains('.'))
      return recipe.addRule("*", text, /*line=*/0);
    return recipe.fail(0, text + ": cannot be read: " + file.getError().message());
  }
  if (llvm::Error error = recipe.readLines((*file)->getBuffer()))
    return error;
  return recipe;
}

/// The format, or what is taken where its blocks do not fit.
static ChosenFormat fitBlocks(MLIRContext *context, StringRef format, const QuantizableWeight &weight) {
  if (format.empty() || findQuantizedType(context, format, weight.shape))
    return {format.str(), ""};
  StringRef fallback = findFallbackFormat(format);
  bool fits = !fallback.empty() && findQuantizedType(context, fallback, weight.shape);
  return {fits ? fallback.str() : "", format.str()};
}

/// What is left to a size, without doubles that fallbacks make.
static ChosenFormat leaveOpen(MLIRContext *context, ArrayRef<StringRef> formats, const QuantizableWeight &weight) {
  ChosenFormat chosen;
  for (StringRef format : formats)
    if (std::string fitting = fitBlocks(context, format, weight).format;
        !fitting.empty() && !llvm::is_contained(chosen.candidates, fitting))
      chosen.candidates.push_back(fitting);
  return chosen;
}

llvm::Expected<std::vector<ChosenFormat>> QuantizationRecipe::choose(MLIRContext *context,
                                                                     ArrayRef<QuantizableWeight> weights) const {
  std::vector<ChosenFormat> chosen(weights.size());
  for (const Rule &rule : Rules) {
    llvm::GlobPattern glob = llvm::cantFail(llvm::GlobPattern::create(rule.pattern)); // as addRule has found
    bool explicitly = rule.line && StringRef(rule.pattern).find_first_of("*?[{") == StringRef::npos;
    bool isRecipe = llvm::is_contained(listLlamaRecipes(), rule.what), matches = false;
    std::optional<SmallVector<StringRef>> open = getFitFormats(rule.what);
    std::vector<std::string> formats(weights.size(), rule.what == Keep ? "" : rule.what);
    if (isRecipe)
      formats = chooseByLlamaRecipe(rule.what, weights);
    for (auto [weight, format, result] : llvm::zip_equal(weights, formats, chosen)) {
      if (!glob.match(weight.name))
        continue;
      matches = true;
      bool isKept = rule.pattern == "*" && isKeptByRecipes(weight.name);
      if (open) {
        result = isKept ? ChosenFormat() : leaveOpen(context, *open, weight);
        continue;
      }
      if (!format.empty() && !llvm::is_contained(listQuantizedFormats(), format))
        return fail(rule.line, rule.what + " has " + format + " for '" + weight.name +
                                   "', but nothing packs values into that; name another recipe");
      if (isKept)
        format.clear();
      result = fitBlocks(context, format, weight);
      if (explicitly && !isRecipe && !result.fallbackFrom.empty())
        return fail(rule.line, "'" + rule.pattern + "' has rows of " + Twine(weight.shape.back()) +
                                   " elements, which hold no whole blocks of " + format +
                                   "; name a format with smaller blocks, or keep");
    }
    if (!matches && rule.line)
      return fail(rule.line, "pattern '" + rule.pattern + "' matches no weight that a product or a gather reads; " +
                                 (weights.empty() ? "the model has none"
                                                  : "names are for example '" + weights.front().name + "' and '" +
                                                        weights.back().name + "'"));
  }
  return chosen;
}
