// Which format each weight of a model is quantized to: what `lathec --quantize` names.
//
// A recipe is one of
// 1. the name of a format, in lower case ("q8_0"): every weight that can be quantized gets it;
// 2. the name of one of llama.cpp's recipes, in upper case ("Q4_K_M"): see below;
// 3. a text file of lines `PATTERN WHAT`. PATTERN is the name of a weight, in which `*` stands for any characters and
// `?`
//    for one; WHAT is a format, a recipe of 2, `keep`, which leaves a weight as it is, or what 4 says. `#` begins a
//    comment. Of several lines that match a weight the last one holds; a weight that none matches is kept. A line that
//    matches none is an error;
// 4. `fit`, or `fit:FORMAT,FORMAT...`: one of these formats, so that a size is kept to (`lathec --max-size`). Without a
//    list they are those of most bits and speed among GGUF's.
//
// 1, 2, 4 and the pattern `*` leave weights as they are that are small and that a model suffers from: routers of
// experts, tables of positions and of token types.
//
// A weight whose rows hold no whole blocks gets the format that the recipes of llama.cpp fall back on, or is kept. A
// line of a file that names one weight, without `*` and `?`, means it: there it is an error.
//
// Recipes of 2 give most weights one format and some a finer one, by the part that a weight has in a decoder and by its
// layer. The part is read off names of tensors of GGUF files, and off those that PyTorch's models have for the same.
#ifndef LATHE_PASSES_QUANTIZATION_QUANTIZATIONRECIPE_H
#define LATHE_PASSES_QUANTIZATION_QUANTIZATIONRECIPE_H

#include "dialects/lathe/Lathe.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lathe {

/// The names of all formats that values are packed into.
std::vector<llvm::StringRef> listQuantizedFormats();

/// The element type that a format of that list has for weights of `shape`. Null where the shape holds no whole blocks.
QuantizedTypeInterface findQuantizedType(mlir::MLIRContext *context, llvm::StringRef format,
                                         llvm::ArrayRef<int64_t> shape);

/// A weight that can be quantized.
struct QuantizableWeight {
  std::string name;
  llvm::SmallVector<int64_t> shape; ///< rows lie along the last dimension
};

/// What a recipe has for a weight.
struct ChosenFormat {
  std::string format;       ///< empty: it is kept
  std::string fallbackFrom; ///< the format whose blocks do not fit; empty: none
  /// Left to a size: the formats to choose from, whose blocks fit. `format` is empty then.
  std::vector<std::string> candidates = {};
};

class QuantizationRecipe {
public:
  /// `text` is what the user names; whatever is no format or known recipe is a file.
  static llvm::Expected<QuantizationRecipe> read(llvm::StringRef text);

  /// A format for each of the weights of one model. Fails when a line of a file matches none of them, or names one that
  /// its format does not fit.
  llvm::Expected<std::vector<ChosenFormat>> choose(mlir::MLIRContext *context,
                                                   llvm::ArrayRef<QuantizableWeight> weights) const;

private:
  struct Rule {
    std::string pattern, what;
    int line = 0; ///< 0: of no file
  };
  llvm::Error addRule(llvm::StringRef pattern, llvm::StringRef what, int line);
  llvm::Error readLines(llvm::StringRef text);
  /// Empty, or why this can stand behind a pattern nowhere.
  static std::string findFault(llvm::StringRef what);
  /// An error at a line of the file.
  llvm::Error fail(int line, const llvm::Twine &message) const;

  std::string File;
  std::vector<Rule> Rules;
};

} // namespace lathe

#endif // LATHE_PASSES_QUANTIZATION_QUANTIZATIONRECIPE_H
