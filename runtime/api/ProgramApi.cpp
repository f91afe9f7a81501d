#include "runtime/api/Handles.h"
#include "runtime/api/Status.h"

using namespace lathe::runtime;

lathe_status lathe_program_load(const char *path, lathe_program **out_program) {
  return guarded("lathe_program_load", [&] {
    require(out_program, "out_program");
    *out_program = nullptr;
    require(path, "path");
    *out_program = new lathe_program{std::make_shared<const Program>(std::string(path))};
  });
}

lathe_status lathe_program_load_embedded(const lathe_embedded_program *embedded, lathe_program **out_program) {
  return guarded("lathe_program_load_embedded", [&] {
    require(out_program, "out_program");
    *out_program = nullptr;
    lathe_embedded_program read = readOptions(embedded, /*required=*/true);
    require(read.artifact, "artifact");
    *out_program = new lathe_program{std::make_shared<const Program>(read)};
  });
}

void lathe_program_release(lathe_program *program) { delete program; }

lathe_status lathe_program_check_weights(const lathe_program *program) {
  return guarded("lathe_program_check_weights", [&] {
    require(program, "program");
    program->object->checkWeights();
  });
}

int32_t lathe_program_rank_count(const lathe_program *program) {
  const std::optional<Ranks> &ranks = program->object->manifest.ranks;
  return ranks ? int32_t(ranks->size) : 1;
}

const char *lathe_program_manifest(const lathe_program *program) { return program->object->manifest.text.c_str(); }

const char *lathe_program_target(const lathe_program *program) { return program->object->manifest.target.c_str(); }

size_t lathe_program_entry_count(const lathe_program *program) { return program->object->manifest.entries.size(); }

static const Entry *entryAt(const lathe_program *program, size_t entry) {
  const std::vector<Entry> &entries = program->object->manifest.entries;
  return entry < entries.size() ? &entries[entry] : nullptr;
}

/// The public struct of one element of an entry's list; null past either end.
template <typename Element>
static auto infoAt(const lathe_program *program, size_t entry, std::vector<Element> Entry::*list, size_t index)
    -> decltype(&std::declval<const Element &>().info) {
  const Entry *found = entryAt(program, entry);
  return found && index < (found->*list).size() ? &(found->*list)[index].info : nullptr;
}

const lathe_entry_info *lathe_program_entry(const lathe_program *program, size_t entry) {
  const Entry *found = entryAt(program, entry);
  return found ? &found->info : nullptr;
}

const lathe_symbol_info *lathe_program_symbol(const lathe_program *program, size_t entry, size_t index) {
  return infoAt(program, entry, &Entry::symbols, index);
}

const lathe_value_info *lathe_program_input(const lathe_program *program, size_t entry, size_t index) {
  return infoAt(program, entry, &Entry::inputs, index);
}

const lathe_value_info *lathe_program_output(const lathe_program *program, size_t entry, size_t index) {
  return infoAt(program, entry, &Entry::outputs, index);
}

const lathe_state_info *lathe_program_state(const lathe_program *program, size_t entry, size_t index) {
  return infoAt(program, entry, &Entry::states, index);
}
