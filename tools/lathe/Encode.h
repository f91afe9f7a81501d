#ifndef LATHE_TOOLS_LATHE_ENCODE_H
#define LATHE_TOOLS_LATHE_ENCODE_H

#include "tools/lathe/Handles.h"

#include <cstdint>
#include <vector>

namespace lathe::tools {

/// The tokens of a text: with `addSpecial` those too that the model wants around it, with `parseSpecial` names of
/// special tokens in it are these tokens.
std::vector<int32_t> encode(const Tokenizer &tokenizer, const std::string &text, bool addSpecial, bool parseSpecial);
/// The bytes that tokens stand for; special tokens by name with `special`, else not at all.
std::string decode(const Tokenizer &tokenizer, const std::vector<int32_t> &ids, bool special);

/// A program's own tokenizer. Throws CommandFailure where it has none.
Tokenizer tokenizerOf(const Program &program);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_ENCODE_H
