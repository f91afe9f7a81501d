#include "runtime/grammar/GrammarBuilder.h"

#include "runtime/Failure.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>

namespace lathe::runtime {

using Kind = GrammarElement::Kind;

uint32_t GrammarBuilder::addRule(std::string name, uint32_t place) {
  if (grammar.rules.size() == MaxElements)
    throw Failure(LATHE_INVALID_ARGUMENT, "the grammar has more than ", MaxElements, " parts; repeat less of it");
  grammar.rules.push_back({std::move(name), {}, place});
  return uint32_t(grammar.rules.size() - 1);
}

void GrammarBuilder::addAlternative(uint32_t rule, const Sequence &sequence) {
  if (grammar.elements.size() + sequence.size() > MaxElements)
    throw Failure(LATHE_INVALID_ARGUMENT, "the grammar has more than ", MaxElements, " elements; repeat less of it");
  grammar.rules[rule].alternatives.push_back(uint32_t(grammar.elements.size()));
  grammar.elements.insert(grammar.elements.end(), sequence.begin(), sequence.end());
  grammar.elements.push_back({Kind::End});
}

GrammarElement GrammarBuilder::bytes(const ByteSet &set) {
  auto [found, added] = setIndex.emplace(set, uint32_t(grammar.byteSets.size()));
  if (added)
    grammar.byteSets.push_back(set);
  return {Kind::Bytes, found->second};
}

static ByteSet byteRange(uint8_t first, uint8_t last) {
  ByteSet set;
  for (unsigned byte = first; byte <= last; ++byte)
    set.set(byte);
  return set;
}

Sequence GrammarBuilder::text(std::string_view text) {
  Sequence sequence;
  for (char c : text)
    sequence.push_back(bytes(byteRange(uint8_t(c), uint8_t(c))));
  return sequence;
}

/// Sorted, without overlap, and without the surrogates, which no text holds.
static std::vector<CharacterRange> normalized(std::vector<CharacterRange> ranges, bool negated) {
  std::sort(ranges.begin(), ranges.end(), [](auto &left, auto &right) { return left.first < right.first; });
  std::vector<CharacterRange> inside, result;
  for (CharacterRange range : ranges) {
    if (!inside.empty() && range.first <= inside.back().last)
      inside.back().last = std::max(inside.back().last, range.last);
    else
      inside.push_back(range);
  }
  if (negated) {
    std::vector<CharacterRange> outside;
    uint32_t next = 0;
    for (CharacterRange range : inside) {
      if (range.first > next)
        outside.push_back({next, range.first - 1});
      next = range.last + 1;
    }
    if (next <= 0x10FFFF)
      outside.push_back({next, 0x10FFFF});
    inside = std::move(outside);
  }
  for (CharacterRange range : inside) {
    if (range.first < 0xD800)
      result.push_back({range.first, std::min<uint32_t>(range.last, 0xD7FF)});
    if (range.last > 0xDFFF)
      result.push_back({std::max<uint32_t>(range.first, 0xE000), range.last});
  }
  return result;
}

/// Cuts the range where the number of bytes changes, and where not all continuations of a byte are in it; what is left
/// is one range for each byte.
void GrammarBuilder::addCharacters(uint32_t rule, uint32_t first, uint32_t last, ByteSet &ascii) {
  static constexpr uint32_t LastOfLength[] = {0x7F, 0x7FF, 0xFFFF};
  for (uint32_t end : LastOfLength)
    if (first <= end && last > end) {
      addCharacters(rule, first, end, ascii);
      addCharacters(rule, end + 1, last, ascii);
      return;
    }
  if (last < 0x80) {
    ascii |= byteRange(uint8_t(first), uint8_t(last));
    return;
  }
  for (uint32_t bits = 6; bits <= 18; bits += 6) {
    uint32_t mask = (1u << bits) - 1;
    if ((first & ~mask) == (last & ~mask))
      break;
    if (first & mask) {
      addCharacters(rule, first, first | mask, ascii);
      addCharacters(rule, (first | mask) + 1, last, ascii);
      return;
    }
    if ((last & mask) != mask) {
      addCharacters(rule, first, (last & ~mask) - 1, ascii);
      addCharacters(rule, last & ~mask, last, ascii);
      return;
    }
  }
  std::string low, high;
  appendCharacter(low, first);
  appendCharacter(high, last);
  Sequence sequence;
  for (size_t i = 0; i != low.size(); ++i)
    sequence.push_back(bytes(byteRange(uint8_t(low[i]), uint8_t(high[i]))));
  addAlternative(rule, sequence);
}

Sequence GrammarBuilder::characters(std::vector<CharacterRange> ranges, bool negated, const std::string &name,
                                    uint32_t place) {
  ByteSet ascii;
  uint32_t rule = addRule(name, place);
  for (CharacterRange range : normalized(std::move(ranges), negated))
    addCharacters(rule, range.first, range.last, ascii);
  if (grammar.rules[rule].alternatives.empty() && ascii.any()) {
    grammar.rules.pop_back();
    return {bytes(ascii)};
  }
  if (ascii.any())
    addAlternative(rule, {bytes(ascii)});
  return {{Kind::Call, rule}};
}

Sequence GrammarBuilder::repeated(const Sequence &part, uint32_t least, uint32_t most, const std::string &name,
                                  uint32_t place) {
  Sequence once = part;
  if (part.size() > 1) {
    uint32_t rule = addRule(name, place);
    addAlternative(rule, part);
    once = {{Kind::Call, rule}};
  }
  Sequence result;
  for (uint32_t i = 0; i != least; ++i)
    result.insert(result.end(), once.begin(), once.end());
  // What may follow: a rule that calls itself, or for each more time a rule that calls the next.
  Sequence rest;
  if (most == UINT32_MAX) {
    uint32_t rule = addRule(name, place);
    rest = once;
    rest.push_back({Kind::Call, rule});
    addAlternative(rule, rest);
    addAlternative(rule, {});
    rest = {{Kind::Call, rule}};
  } else {
    for (uint32_t i = least; i < most; ++i) {
      uint32_t rule = addRule(name, place);
      Sequence more = once;
      more.insert(more.end(), rest.begin(), rest.end());
      addAlternative(rule, more);
      addAlternative(rule, {});
      rest = {{Kind::Call, rule}};
    }
  }
  result.insert(result.end(), rest.begin(), rest.end());
  return result;
}

std::string describeGrammarPlace(std::string_view text, size_t at) {
  std::string_view before = text.substr(0, at);
  size_t line = 1 + size_t(std::count(before.begin(), before.end(), '\n'));
  return "line " + std::to_string(line) + ", column " + std::to_string(at - (before.rfind('\n') + 1) + 1);
}

} // namespace lathe::runtime
