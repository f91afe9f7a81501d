#include "runtime/session/LimitStates.h"

#include "runtime/Failure.h"
#include "runtime/session/StepBuilder.h"

#include <algorithm>

namespace lathe::runtime {

/// The states of all entries, each name once.
static std::vector<const State *> collectStates(const Manifest &manifest) {
  std::vector<const State *> states;
  for (const Entry &entry : manifest.entries) {
    for (const State &state : entry.states) {
      if (state.kind != LATHE_STATE_PAGED)
        throw Failure(LATHE_UNSUPPORTED, "state '", state.name, "' of entry '", entry.name,
                      "' is not paged; use a newer runtime");
      auto twin =
          std::find_if(states.begin(), states.end(), [&](const State *known) { return known->name == state.name; });
      if (twin == states.end())
        states.push_back(&state);
      else if ((*twin)->pageBytes != state.pageBytes)
        throw Failure(LATHE_CORRUPT, "state '", state.name, "' has pages of ", (*twin)->pageBytes, " and of ",
                      state.pageBytes, " bytes");
      else if ((*twin)->window != state.window)
        throw Failure(LATHE_CORRUPT, "state '", state.name, "' has a window of ", (*twin)->window, " and of ",
                      state.window, " tokens");
    }
  }
  return states;
}

/// One for each window that there is.
static std::vector<PageGroup> collectGroups(const Manifest &manifest, const std::vector<const State *> &states) {
  std::vector<PageGroup> groups;
  int64_t stepTokens = 0;
  for (const Entry &entry : manifest.entries)
    if (entry.kind == LATHE_ENTRY_LANGUAGE_MODEL)
      stepTokens = std::max(stepTokens, entry.symbols[size_t(ModelSymbols(entry).tokens)].max);
  for (size_t i = 0; i != states.size(); ++i) {
    const State &state = *states[i];
    auto known = std::find_if(groups.begin(), groups.end(),
                              [&](const PageGroup &group) { return group.window == state.window; });
    PageGroup &group = known == groups.end() ? groups.emplace_back() : *known;
    group.window = state.window;
    group.states.push_back(i);
    group.pageBytes += state.pageBytes;
    // The window, which may begin and end within pages, a page that is not given back at once, and a step.
    if (state.window)
      group.mostPages = (state.window + 2 * PageTokens + stepTokens) / PageTokens + 2;
  }
  return groups;
}

/// How many pages each group has, so that all take `bytes`, or with 0 so many that nothing is ever missing.
static void sizeGroups(StateLimits &limits, const Manifest &manifest, uint64_t bytes, int64_t textTokens) {
  int64_t longest = 0, bytesOfPage = 0;
  for (const Entry &entry : manifest.entries)
    if (entry.kind == LATHE_ENTRY_LANGUAGE_MODEL)
      longest = std::max(longest, greatestLength(entry) / PageTokens);
  if (textTokens)
    longest = std::min(longest, (std::min(textTokens, longest * PageTokens) + PageTokens - 1) / PageTokens);
  limits.longest = longest * PageTokens;
  for (PageGroup &group : limits.groups) {
    bytesOfPage += group.pageBytes;
    if (group.mostPages >= longest)
      group.mostPages = 0;
  }
  // A group with a window has no more pages than all sequences together can use.
  auto pagesOf = [&](const PageGroup &group, int64_t pages) {
    return group.mostPages ? std::min(pages, group.mostPages * limits.maxSequences) : pages;
  };
  auto fits = [&](int64_t pages) {
    uint64_t sum = 0;
    for (const PageGroup &group : limits.groups)
      sum += uint64_t(group.pageBytes) * uint64_t(pagesOf(group, pages));
    return bytes == 0 || sum <= bytes;
  };
  // More pages than all sequences together can use would only waste memory.
  int64_t most = longest * limits.maxSequences, least = 0;
  for (int64_t above = most + 1; above - least > 1;) {
    int64_t middle = least + (above - least) / 2;
    (fits(middle) ? least : above) = middle;
  }
  if (least > INT32_MAX / PageTokens)
    throw Failure(LATHE_INVALID_ARGUMENT, "kv_cache_bytes makes ", least, " pages but at most ", INT32_MAX / PageTokens,
                  " can be numbered; lower it or max_sequences");
  if (least < limits.maxSequences)
    throw Failure(LATHE_INVALID_ARGUMENT, "kv_cache_bytes is ", bytes, " but ", limits.maxSequences, " sequences need ",
                  limits.maxSequences * bytesOfPage, "; raise it or lower max_sequences");
  limits.textPages = std::min(least, longest);
  for (PageGroup &group : limits.groups)
    group.pages = pagesOf(group, least);
}

StateLimits limitStates(const Program &program, const lathe_session_options &options) {
  if (options.max_sequences < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "max_sequences is ", options.max_sequences, " but must be at least 0");
  if (options.max_text_tokens < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "max_text_tokens is ", options.max_text_tokens, " but must be at least 0");
  StateLimits limits;
  limits.states = collectStates(program.manifest);
  limits.maxSequences = std::max(options.max_sequences, 1);
  limits.groups = collectGroups(program.manifest, limits.states);
  if (!limits.groups.empty())
    sizeGroups(limits, program.manifest, options.kv_cache_bytes, options.max_text_tokens);
  return limits;
}

} // namespace lathe::runtime
