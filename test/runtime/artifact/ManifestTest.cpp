// One case for each check of the manifest: a JSON pointer, a wrong value, the message.
#include "test/runtime/TestArtifact.h"

#include <gtest/gtest.h>

using namespace lathe;
using nlohmann::ordered_json;
using test::Outcome;

namespace {

struct Case {
  const char *name;
  bool model; ///< the toy language model, else the tensor program
  const char *where;
  const char *json; ///< the new value; "" removes the key
  int code;
  const char *text;
};
void PrintTo(const Case &each, std::ostream *stream) { *stream << each.where << " = " << each.json; }

const Case Cases[] = {
    {"Format", false, "/format", "2", LATHE_UNSUPPORTED, "has format 2 and host_abi 5 but this runtime reads"},
    {"HostAbi", false, "/host_abi", "9", LATHE_UNSUPPORTED, "has format 1 and host_abi 9 but this runtime reads"},
    {"FormatMissing", false, "/format", "", LATHE_CORRUPT, "manifest has no 'format'"},
    {"ModelName", false, "/model/name", "7", LATHE_CORRUPT, "manifest.model.name is 7 but must be a string"},
    {"Target", false, "/target", "\"tpu\"", LATHE_CORRUPT, "manifest.target is \"tpu\" but must be cpu or cuda"},
    {"Entries", false, "/entries", "{}", LATHE_CORRUPT, "manifest.entries is {} but must be an array"},
    {"EntryName", false, "/entries/0/name", "\"\"", LATHE_CORRUPT, "entries[0].name is \"\" but must be a string"},
    {"EntryKind", false, "/entries/0/kind", "\"graph\"", LATHE_CORRUPT, "must be tensor, language_model or encoder"},
    {"SymbolBounds", false, "/entries/0/symbols/0/max", "0", LATHE_CORRUPT,
     "entries[0].symbols[0].max is 0 but must be an integer of at least 1"},
    {"SymbolTwice", false, "/entries/0/symbols", R"([{"name":"a","min":1,"max":2},{"name":"a","min":1,"max":2}])",
     LATHE_CORRUPT, "entries[0].inputs[0].shape[0] is \"batch\" but must be a size or a symbol of the entry"},
    {"SymbolUnused", false, "/entries/0/inputs/0/shape/0", "1", LATHE_CORRUPT,
     "has symbol 'batch' that no input's shape names"},
    {"ValueType", false, "/entries/0/inputs/0/type", "\"f31\"", LATHE_CORRUPT,
     "inputs[0].type is \"f31\" but must be f32"},
    {"ValueRole", false, "/entries/0/inputs/0/role", "", LATHE_CORRUPT, "inputs[0] has no 'role'"},
    {"ValueSize", false, "/entries/0/inputs/0/shape/1", "-4", LATHE_CORRUPT, "shape[1] is -4 but must be an integer"},
    {"ValueRank", false, "/entries/0/inputs/0/shape", "[1,1,1,1,1,1,1,1,1]", LATHE_CORRUPT, "at most 8 dimensions"},
    {"OutputTwice", false, "/entries/0/outputs/1/name", "\"y\"", LATHE_CORRUPT, "has two elements named 'y'"},
    {"TensorEntryWithState", false, "/entries/0/states", R"([{"name":"s","kind":"slot","element":"f32","shape":[1]}])",
     LATHE_UNSUPPORTED, "is of kind tensor and has states"},
    {"ImageLevel", false, "/images/0/level", "\"x86-64-v9\"", LATHE_CORRUPT,
     "must be the name of a host image section"},
    {"ImageOffset", false, "/images/0/entries/forward/run", "99999999", LATHE_CORRUPT,
     "images[0].entries.forward.run is 99999999 but must be an integer from 0 to"},
    {"ImageEntry", false, "/images/0/entries", "{}", LATHE_CORRUPT, "images[0].entries has no 'forward'"},
    {"KernelShared", true, "/kernels", R"([{"name":"k","targets":[{"shared_bytes":0},{"shared_bytes":-1}]}])",
     LATHE_CORRUPT, "kernels[0].targets[1].shared_bytes is -1"},
    {"KernelTargets", true, "/kernels", R"([{"name":"k","targets":[{"shared_bytes":0}]}])", LATHE_CORRUPT,
     "kernels[0].targets is [{\"shared_bytes\":0}] but must be one for each of cuda_targets"},
    {"StateKind", true, "/entries/0/states/0/kind", "\"ring\"", LATHE_CORRUPT, "must be paged, slot or static"},
    {"StateElement", true, "/entries/0/states/0/element", "\"q3_k\"", LATHE_CORRUPT,
     "states[0].element is \"q3_k\" but must be f32, f16, bf16, f64, i8, u8, i16, i32, i64, u16, u32, u64, bool, "
     "f8E4M3FN or q8_0"},
    {"StateBlocks", true, "/entries/0/states/0/element", "\"q8_0\"", LATHE_CORRUPT,
     "states[0].shape is [1] but must be rows of whole blocks of 32"},
    {"ValueOfStateType", true, "/entries/0/inputs/0/type", "\"q8_0\"", LATHE_CORRUPT,
     "inputs[0].type is \"q8_0\" but must be f32"},
    {"StateShape", true, "/entries/0/states/0/shape/0", "0", LATHE_CORRUPT, "states[0].shape[0] is 0"},
    {"PageTokens", true, "/entries/0/states/0/page_tokens", "32", LATHE_CORRUPT,
     "page_tokens is 32 but must be an integer from 16 to 16"},
    {"PageBytes", true, "/entries/0/states/0/page_bytes", "63", LATHE_CORRUPT,
     "page_bytes is 63 but must be an integer of at least 64"},
    {"InputRole", true, "/entries/0/inputs/1/role", "\"embeddings\"", LATHE_UNSUPPORTED,
     "has input 'positions' of role 'embeddings', which this runtime cannot fill"},
    {"InputMissing", true, "/entries/0/inputs/0", "", LATHE_CORRUPT, "without an input of role 'tokens'"},
    {"InputType", true, "/entries/0/inputs/5/type", "\"i64\"", LATHE_CORRUPT,
     "has input 'slots' of role 'slots' that is not i32 of rank 1"},
    {"InputShape", true, "/entries/0/inputs/1/shape/1", "2", LATHE_CORRUPT,
     "has input 'positions' of role 'positions'"},
    {"Logits", true, "/entries/0/outputs/0/type", "\"f16\"", LATHE_CORRUPT, "must have an output of role 'logits'"},
    {"SampledTokens", true, "/entries/0/outputs",
     R"([{"name": "logits", "type": "f32", "shape": ["rows", 8], "role": "logits"},
         {"name": "ids", "type": "i32", "shape": ["rows"], "role": "sampled_tokens"}])",
     LATHE_CORRUPT, "has output 'ids' of role 'sampled_tokens' that is not i64, [rows]"},
    {"SharedSymbol", true, "/entries/0/inputs/2/shape/0", "\"tokens\"", LATHE_CORRUPT, "needs five symbols"},
};

ordered_json::json_pointer parentOf(const ordered_json::json_pointer &pointer) { return pointer.parent_pointer(); }

class BrokenManifest : public testing::TestWithParam<Case> {};

TEST_P(BrokenManifest, IsRefused) {
  const Case &each = GetParam();
  artifact::ArtifactSource source = each.model ? test::toySource() : test::scaleSource();
  ordered_json::json_pointer where(each.where);
  ASSERT_TRUE(source.manifest.contains(where)) << each.where;
  if (*each.json)
    source.manifest[where] = ordered_json::parse(each.json);
  else if (ordered_json &parent = source.manifest[parentOf(where)]; parent.is_array())
    parent.erase(0);
  else
    parent.erase(where.back());
  lathe_program *program = nullptr;
  Outcome result = test::outcome(lathe_program_load(test::writeTemporary(source).c_str(), &program));
  EXPECT_EQ(result.code, each.code) << result.message;
  EXPECT_NE(result.message.find(each.text), std::string::npos) << result.message;
}

INSTANTIATE_TEST_SUITE_P(Fields, BrokenManifest, testing::ValuesIn(Cases),
                         [](const testing::TestParamInfo<Case> &info) { return info.param.name; });

TEST(Manifest, ModulesAreInsideOfTheirSections) {
  auto refused = [](const char *modules, int64_t module = 0) {
    artifact::ArtifactSource source = test::toySource("cuda");
    source.sections[1].bytes = std::string("// one\0// two\0", 14);
    source.manifest["cuda_modules"] = ordered_json::parse(modules);
    source.manifest["kernels"][1]["module"] = module;
    lathe_program *raw = nullptr;
    Outcome result = test::outcome(lathe_program_load(test::writeTemporary(source).c_str(), &raw));
    test::Program program(raw);
    EXPECT_EQ(result.code, result.message.empty() ? result.code : LATHE_CORRUPT);
    return result.message;
  };
  auto expect = [](const std::string &message, const char *text) {
    EXPECT_NE(message.find(text), std::string::npos) << message;
  };
  EXPECT_EQ(refused(R"({"ptx":{"compute_80":[0,7]},"cubin":{"sm_90a":[0,8]}})", 1), "");
  expect(refused(R"({"ptx":{},"cubin":{}})", -1), "kernels[1].module is -1");
  expect(refused(R"({"ptx":{"sm_70":[0]},"cubin":{}})"),
         "cuda_modules.ptx.sm_70 is there, but there is no such section");
  expect(refused(R"({"ptx":{"compute_80":[0,14]},"cubin":{}})"),
         "ptx.compute_80[1] is 14 but must be an integer from 1 to 13");
  expect(refused(R"({"ptx":{"compute_80":[0,0]},"cubin":{}})"),
         "ptx.compute_80[1] is 0 but must be an integer from 1 to 13");
  expect(refused(R"({"ptx":{"compute_80":[0,5]},"cubin":{}})"),
         "ptx.compute_80[1] is 5 but must be behind a zero byte, where a text begins");
  expect(refused(R"({"ptx":{}})"), "cuda_modules has no 'cubin'");
}

TEST(Manifest, KernelsAreForSomeTarget) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.manifest.erase("cuda_targets");
  for (ordered_json &kernel : source.manifest["kernels"])
    kernel["targets"] = ordered_json::array();
  lathe_program *program = nullptr;
  Outcome result = test::outcome(lathe_program_load(test::writeTemporary(source).c_str(), &program));
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("has kernels, but cuda_targets names nothing that they are compiled for"),
            std::string::npos)
      << result.message;
}

TEST(Manifest, StatesWithAWindowHaveInputsOfTheirOwn) {
  auto refused = [](auto change) {
    artifact::ArtifactSource source = test::babbleSource(/*windowed=*/true);
    change(source.manifest["entries"][0]);
    lathe_program *program = nullptr;
    Outcome result = test::outcome(lathe_program_load(test::writeTemporary(source).c_str(), &program));
    lathe_program_release(program);
    return result.message.substr(std::min(result.message.find("entries[0]"), result.message.size()));
  };
  EXPECT_EQ(refused([](ordered_json &) {}), "");
  EXPECT_EQ(refused([](ordered_json &entry) { entry["inputs"].erase(7); }),
            "entries[0] is a language model without an input of role 'window_block_tables'");
  EXPECT_EQ(refused([](ordered_json &entry) { entry["states"][1]["window"] = 0; }),
            "entries[0] has an input of role 'window_block_tables' but no state that it is for");
  EXPECT_EQ(refused([](ordered_json &entry) { entry["states"][0]["window"] = 24; }),
            "entries[0] has an input of role 'block_tables' but no state that it is for");
  EXPECT_EQ(refused([](ordered_json &entry) {
              entry["states"].push_back(entry["states"][1]);
              entry["states"][2]["name"] = "other";
              entry["states"][2]["window"] = 32;
            }),
            "entries[0] has states with windows of 24 and 32 tokens, which this runtime cannot keep apart; use a newer "
            "runtime");
  EXPECT_EQ(refused([](ordered_json &entry) { entry["inputs"][7]["shape"][1] = "rows"; }),
            "entries[0] needs five symbols: tokens, sequences, offsets, pages and rows");
}

TEST(Manifest, SaysHowOutputsAreComputed) {
  artifact::ArtifactSource source = test::scaleSource();
  source.manifest["entries"][0]["outputs"][0]["shape"] = {"batch*4 + 1", 4};
  source.manifest["entries"][0]["outputs"][0]["type"] = "u64";
  test::Program program = test::load(test::writeTemporary(source));
  const lathe_value_info *y = lathe_program_output(program.get(), 0, 0);
  EXPECT_EQ(y->type, LATHE_U64);
  EXPECT_EQ(y->shape[0], -1);
  EXPECT_STREQ(y->symbols[0], "batch*4 + 1");
  EXPECT_EQ(y->shape[1], 4);
  EXPECT_EQ(y->symbols[1], nullptr);
}

TEST(Manifest, CountsBytesOfStatesInBlocks) {
  artifact::ArtifactSource source = test::toySource();
  ordered_json &state = source.manifest["entries"][0]["states"][0];
  for (auto [element, type, bytes] : {std::tuple("f8E4M3FN", LATHE_F8_E4M3, 2 * 32), {"q8_0", LATHE_Q8_0, 2 * 34}}) {
    state["element"] = element;
    state["shape"] = {2, 1, 32};
    state["page_bytes"] = 16 * bytes;
    test::Program program = test::load(test::writeTemporary(source));
    EXPECT_EQ(lathe_program_state(program.get(), 0, 0)->element, type);
    state["page_bytes"] = 16 * bytes - 1;
    lathe_program *refused = nullptr;
    Outcome result = test::outcome(lathe_program_load(test::writeTemporary(source).c_str(), &refused));
    EXPECT_EQ(result.code, LATHE_CORRUPT);
    EXPECT_NE(result.message.find("must be an integer of at least " + std::to_string(16 * bytes)), std::string::npos)
        << result.message;
  }
}

struct EncoderCase {
  const char *where, *json, *text;
};

TEST(Manifest, RefusesBrokenEncoders) {
  const EncoderCase cases[] = {{"/pooling", "\"max\"", "pooling is \"max\" but must be none, mean, cls or last"},
                               {"/max_tokens", "0", "max_tokens is 0 but must be an integer from 1"},
                               {"/inputs/2/role", "\"lengths\"", "is an encoder, which must have i32 inputs"},
                               {"/inputs/0/type", "\"i64\"", "is an encoder, which must have"},
                               {"/inputs/1/shape/0", "\"offsets\"", "is an encoder, which must have"},
                               {"/inputs/2/shape/0", "\"tokens\"", "is an encoder, which must have"},
                               {"/outputs/0/shape/0", "\"offsets\"", "is an encoder, which must have"},
                               {"/outputs/0/role", "\"logits\"", "is an encoder, which must have"}};
  for (const EncoderCase &each : cases) {
    artifact::ArtifactSource source = test::encoderSource();
    source.manifest["entries"][0][ordered_json::json_pointer(each.where)] = ordered_json::parse(each.json);
    lathe_program *program = nullptr;
    Outcome result = test::outcome(lathe_program_load(test::writeTemporary(source).c_str(), &program));
    EXPECT_EQ(result.code, LATHE_CORRUPT) << each.where;
    EXPECT_NE(result.message.find(each.text), std::string::npos) << result.message;
  }
}

TEST(Manifest, SaysWhatTheProgramTakes) {
  test::Program program = test::load(test::writeTemporary(test::toySource()));
  ASSERT_EQ(lathe_program_entry_count(program.get()), 1u);
  const lathe_entry_info *entry = lathe_program_entry(program.get(), 0);
  EXPECT_STREQ(entry->name, "forward");
  EXPECT_EQ(entry->kind, LATHE_ENTRY_LANGUAGE_MODEL);
  EXPECT_EQ(entry->symbol_count, 5u);
  EXPECT_EQ(entry->input_count, 7u);
  EXPECT_STREQ(lathe_program_symbol(program.get(), 0, 3)->name, "pages");
  EXPECT_EQ(lathe_program_symbol(program.get(), 0, 3)->max, 6);
  const lathe_value_info *tables = lathe_program_input(program.get(), 0, 4);
  EXPECT_STREQ(tables->role, "block_tables");
  EXPECT_EQ(tables->rank, 2u);
  EXPECT_EQ(tables->shape[0], -1);
  EXPECT_STREQ(tables->symbols[1], "pages");
  const lathe_value_info *logits = lathe_program_output(program.get(), 0, 0);
  EXPECT_EQ(logits->shape[1], 8);
  EXPECT_EQ(logits->symbols[1], nullptr);
  const lathe_state_info *state = lathe_program_state(program.get(), 0, 0);
  EXPECT_EQ(state->kind, LATHE_STATE_PAGED);
  EXPECT_EQ(state->page_bytes, 64);
  EXPECT_EQ(lathe_program_entry(program.get(), 1), nullptr);
  EXPECT_EQ(lathe_program_state(program.get(), 0, 1), nullptr);
  EXPECT_EQ(lathe_program_input(program.get(), 1, 0), nullptr);
}

} // namespace
