#ifndef LATHE_COMPILER_ARTIFACT_TOKENIZERSECTION_H
#define LATHE_COMPILER_ARTIFACT_TOKENIZERSECTION_H

#include "runtime/gguf/GgufFile.h"

#include <string>

namespace lathe::artifact {

/// A GGUF file without tensors that has these entries.
std::string writeGgufEntries(const std::vector<std::pair<std::string, gguf::Value>> &entries);

/// The tokenizer section for a model: its entries `tokenizer.*`, the chat template among them, and `general.name` and
/// `general.architecture`. "" where the model has no tokenizer.
std::string writeTokenizerSection(const gguf::GgufFile &file);

} // namespace lathe::artifact

#endif // LATHE_COMPILER_ARTIFACT_TOKENIZERSECTION_H
