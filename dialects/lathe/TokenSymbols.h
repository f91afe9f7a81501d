// The symbols of a language model whose values hang together.
#ifndef LATHE_DIALECTS_LATHE_TOKENSYMBOLS_H
#define LATHE_DIALECTS_LATHE_TOKENSYMBOLS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

inline constexpr llvm::StringLiteral TokensSymbolName = "tokens";
/// How many of a step's tokens have logits that are wanted: never more than there are tokens.
inline constexpr llvm::StringLiteral RowsSymbolName = "rows";

/// `symbol`, bounded by what is known of a step of at most `maxTokens` tokens.
inline SymbolAttr boundByTokens(SymbolAttr symbol, int64_t maxTokens) {
  if (symbol.getName() != RowsSymbolName || symbol.getMax() <= maxTokens)
    return symbol;
  return SymbolAttr::get(symbol.getContext(), RowsSymbolName, std::min(symbol.getMin(), maxTokens), maxTokens);
}

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_TOKENSYMBOLS_H
