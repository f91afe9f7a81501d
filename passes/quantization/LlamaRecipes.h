// The recipes of llama.cpp: which weights of a decoder get a finer format than most, and what is taken where blocks do
// not fit. Authority: `llama_tensor_get_type` in llama.cpp's src/llama-quant.cpp, without an importance matrix.
#ifndef LATHE_PASSES_QUANTIZATION_LLAMARECIPES_H
#define LATHE_PASSES_QUANTIZATION_LLAMARECIPES_H

#include "passes/quantization/QuantizationRecipe.h"

namespace lathe {

/// The names of all recipes, "Q2_K" to "Q8_0".
std::vector<llvm::StringRef> listLlamaRecipes();

/// The format of each weight of a model by a recipe, empty for those that all recipes keep: routers of experts, tables
/// of positions and of token types.
std::vector<std::string> chooseByLlamaRecipe(llvm::StringRef recipe, llvm::ArrayRef<QuantizableWeight> weights);

/// True for the weights that all recipes keep.
bool isKeptByRecipes(llvm::StringRef name);

/// The format with smaller blocks that is taken where those of `format` do not fit; empty when there is none.
llvm::StringRef findFallbackFormat(llvm::StringRef format);

} // namespace lathe

#endif // LATHE_PASSES_QUANTIZATION_LLAMARECIPES_H
