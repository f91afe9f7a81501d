// What makes a grammar unusable though it can be read.
#include "runtime/Failure.h"
#include "runtime/grammar/GrammarBuilder.h"

#include <algorithm>

namespace lathe::runtime {

namespace {

using Kind = GrammarElement::Kind;

/// A call that can be the first thing a rule does.
struct FirstCall {
  uint32_t callee;
  bool returns; ///< something stands behind it: each such call makes the stack of open rules deeper
};

class Checker {
public:
  Checker(const Grammar &grammar, std::string_view text) : grammar(grammar), text(text) {}

  void run() {
    productive = fixpoint(/*emptyOnly=*/false);
    for (size_t i = 0; i != grammar.rules.size(); ++i)
      if (!productive[i])
        fail(uint32_t(i), "can never end: each of its alternatives needs a rule that cannot; add one that can");
    nullable = fixpoint(/*emptyOnly=*/true);
    findFirstCalls();
    findComponents();
    for (uint32_t rule = 0; rule != grammar.rules.size(); ++rule)
      for (FirstCall call : firstCalls[rule])
        if (call.returns && component[rule] == component[call.callee])
          fail(rule, "begins with itself" + describeCycle(rule, call.callee) +
                         "; write it with * or +, or so that it calls itself at its end");
  }

private:
  [[noreturn]] void fail(uint32_t rule, const std::string &what) const {
    throw Failure(LATHE_INVALID_ARGUMENT, "grammar, ", describeGrammarPlace(text, grammar.rules[rule].place),
                  ": rule '", grammar.rules[rule].name, "' ", what);
  }

  /// For each rule whether an alternative has only elements that hold: with `emptyOnly` calls of rules that do, else
  /// bytes too. Each rule that comes to hold is told to those that wait for it, so this takes linear time.
  std::vector<bool> fixpoint(bool emptyOnly) const {
    std::vector<bool> holds(grammar.rules.size());
    struct Waiting {
      uint32_t rule, missing;
    };
    std::vector<Waiting> alternatives;
    std::vector<std::vector<uint32_t>> waits(grammar.rules.size());
    std::vector<uint32_t> found;
    auto hold = [&](uint32_t rule) {
      if (!holds[rule])
        found.push_back(rule);
      holds[rule] = true;
    };
    for (uint32_t rule = 0; rule != grammar.rules.size(); ++rule)
      for (uint32_t at : grammar.rules[rule].alternatives) {
        bool possible = true;
        uint32_t missing = 0;
        for (; grammar.elements[at].kind != Kind::End; ++at) {
          if (grammar.elements[at].kind == Kind::Bytes)
            possible &= !emptyOnly && grammar.byteSets[grammar.elements[at].value].any();
          else
            waits[grammar.elements[at].value].push_back(uint32_t(alternatives.size())), ++missing;
        }
        alternatives.push_back({rule, possible ? missing : UINT32_MAX});
        if (possible && missing == 0)
          hold(rule);
      }
    while (!found.empty()) {
      uint32_t rule = found.back();
      found.pop_back();
      for (uint32_t waiting : waits[rule])
        if (alternatives[waiting].missing != UINT32_MAX && --alternatives[waiting].missing == 0)
          hold(alternatives[waiting].rule);
    }
    return holds;
  }

  void findFirstCalls() {
    firstCalls.resize(grammar.rules.size());
    for (uint32_t rule = 0; rule != grammar.rules.size(); ++rule)
      for (uint32_t at : grammar.rules[rule].alternatives)
        for (; grammar.elements[at].kind == Kind::Call; ++at) {
          uint32_t callee = grammar.elements[at].value;
          firstCalls[rule].push_back({callee, grammar.elements[at + 1].kind != Kind::End});
          if (!nullable[callee])
            break;
        }
  }

  /// Gives rules the same number where each can begin with the other: Tarjan's algorithm, with a stack of its own, as
  /// grammars can be deep.
  void findComponents() {
    size_t count = grammar.rules.size();
    component.assign(count, UINT32_MAX);
    std::vector<uint32_t> number(count, UINT32_MAX), low(count), open, next(count, 0), path;
    uint32_t numbers = 0;
    for (uint32_t start = 0; start != count; ++start) {
      if (number[start] == UINT32_MAX)
        path.push_back(start);
      while (!path.empty()) {
        uint32_t rule = path.back();
        if (number[rule] == UINT32_MAX) {
          number[rule] = low[rule] = numbers++;
          open.push_back(rule);
        }
        if (next[rule] != firstCalls[rule].size()) {
          uint32_t callee = firstCalls[rule][next[rule]++].callee;
          if (number[callee] == UINT32_MAX)
            path.push_back(callee);
          else if (component[callee] == UINT32_MAX)
            low[rule] = std::min(low[rule], number[callee]);
          continue;
        }
        path.pop_back();
        if (!path.empty())
          low[path.back()] = std::min(low[path.back()], low[rule]);
        for (bool more = low[rule] == number[rule]; more; open.pop_back()) {
          component[open.back()] = rule;
          more = open.back() != rule;
        }
      }
    }
  }

  /// ": a -> b -> a", the names of the rules on a shortest way from `callee` back to `rule`.
  std::string describeCycle(uint32_t rule, uint32_t callee) const {
    std::vector<uint32_t> from(grammar.rules.size(), UINT32_MAX), queue = {callee};
    from[callee] = callee;
    for (size_t i = 0; i != queue.size() && from[rule] == UINT32_MAX; ++i)
      for (FirstCall call : firstCalls[queue[i]])
        if (from[call.callee] == UINT32_MAX) {
          from[call.callee] = queue[i];
          queue.push_back(call.callee);
        }
    std::vector<uint32_t> way = {rule};
    for (uint32_t at = rule; at != callee; at = from[at])
      way.push_back(from[at]);
    way.push_back(rule);
    std::string names = ": ", last;
    for (auto at = way.rbegin(); at != way.rend(); ++at)
      if (const std::string &name = grammar.rules[*at].name; name != last) {
        names += (last.empty() ? "" : " -> ") + name;
        last = name;
      }
    return names.find("->") == names.npos ? "" : names;
  }

  const Grammar &grammar;
  std::string_view text;
  std::vector<bool> productive, nullable;
  std::vector<std::vector<FirstCall>> firstCalls;
  std::vector<uint32_t> component;
};

} // namespace

void checkGrammar(const Grammar &grammar, std::string_view text) { Checker(grammar, text).run(); }

} // namespace lathe::runtime
