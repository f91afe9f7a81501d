#ifndef LATHE_TEST_RUNTIME_GRAMMAR_TESTGRAMMAR_H
#define LATHE_TEST_RUNTIME_GRAMMAR_TESTGRAMMAR_H

#include "runtime/Failure.h"
#include "runtime/grammar/Acceptor.h"

#include <gtest/gtest.h>

namespace lathe::test {

/// Whether the grammar allows the whole text.
inline bool allows(const std::shared_ptr<const runtime::Grammar> &grammar, std::string_view text) {
  runtime::Acceptor acceptor(grammar);
  return acceptor.accept(text) && acceptor.isComplete();
}

/// The message of the Failure that `action` ends with; empty if it does not fail.
template <typename Action> std::string failureOf(Action action) {
  try {
    action();
    return "";
  } catch (const runtime::Failure &failure) {
    return failure.message();
  }
}

} // namespace lathe::test

#endif // LATHE_TEST_RUNTIME_GRAMMAR_TESTGRAMMAR_H
