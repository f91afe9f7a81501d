// The `lathe` command on hand-made artifacts: output, files, exit codes.
#include "test/runtime/ToyReference.h"
#include "tools/lathe/Npy.h"

#include <cstring>
#include <gtest/gtest.h>
#include <regex>

using namespace lathe;
using tools::Array;

namespace {

struct CommandResult {
  int code;
  std::string text; ///< both streams
};

CommandResult command(const std::string &arguments) {
  std::FILE *pipe = popen((std::string(LATHE_COMMAND) + " " + arguments + " 2>&1").c_str(), "r");
  CommandResult result;
  char piece[4096];
  while (size_t bytes = std::fread(piece, 1, sizeof(piece), pipe))
    result.text.append(piece, bytes);
  int status = pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

/// Expects success; returns the text.
std::string output(const std::string &arguments) {
  CommandResult result = command(arguments);
  EXPECT_EQ(result.code, 0) << arguments << "\n" << result.text;
  return result.text;
}

void expectFailure(const std::string &arguments, int code, const std::string &text) {
  CommandResult result = command(arguments);
  EXPECT_EQ(result.code, code) << arguments;
  EXPECT_NE(result.text.find(text), std::string::npos) << arguments << "\n" << result.text;
}

std::string temporary(const std::string &name) {
  return testing::TempDir() + "lathe-command-" + std::to_string(getpid()) + "-" + name;
}

std::string npy(const std::string &name, lathe_type type, std::vector<int64_t> shape,
                const std::vector<float> &values) {
  std::string path = temporary(name);
  Array array = {type, std::move(shape), std::vector<char>(values.size() * sizeof(float))};
  std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
  tools::writeNpy(path, array);
  return path;
}

std::vector<float> floats(const Array &array) {
  std::vector<float> values(array.bytes.size() / sizeof(float));
  std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

class TensorCommand : public testing::Test {
protected:
  std::string model = test::writeTemporary(test::scaleSource());
  std::string x = npy("x.npy", LATHE_F32, {2, 4}, {1, 0, 0, 0, 0, 0, 0, 0.5f});
};

TEST_F(TensorCommand, PrintsOutputs) {
  EXPECT_EQ(output("run " + model + " --input x=" + x),
            "y: f32 [2, 4], min 0, max 0.964028, mean 0.215703\n 0.761594 0 0 0\n 0 0 0 0.964028\n"
            "total: f32 [2], min 1, max 2, mean 1.5\n 1 2\n");
}

TEST_F(TensorCommand, TheOnlyInputNeedsNoName) {
  EXPECT_EQ(output("run --threads 1 --input " + x + " " + model),
            output("run " + model + " --device cpu --input x=" + x));
}

TEST_F(TensorCommand, WritesWhatIsAskedFor) {
  std::string file = temporary("total.npy");
  EXPECT_EQ(output("run " + model + " --input x=" + x + " --output total=" + file), "");
  Array total = tools::readNpy(file);
  EXPECT_EQ(total.shape, std::vector<int64_t>{2});
  EXPECT_EQ(floats(total), (std::vector<float>{1, 2}));
}

TEST_F(TensorCommand, ReadsAndWritesTensorProtos) {
  std::string in = temporary("x.pb"), out = temporary("y.pb");
  tools::writeArray(in, tools::readArray(x), "x");
  output("run " + model + " --input x=" + in + " --output y=" + out);
  output("run " + model + " --input x=" + x + " --output y=" + temporary("y.npy"));
  EXPECT_EQ(tools::readArray(out).bytes, tools::readArray(temporary("y.npy")).bytes);
}

TEST_F(TensorCommand, MakesInputsUp) {
  std::string one = output("run " + model + " --random --seed 5 --dim batch=3");
  EXPECT_EQ(one.rfind("y: f32 [3, 4], min ", 0), 0u) << one;
  EXPECT_EQ(output("run " + model + " --random --seed 5 --dim batch=3"), one);
  EXPECT_NE(output("run " + model + " --random --seed 6 --dim batch=3"), one);
  EXPECT_EQ(output("run " + model + " --random").rfind("y: f32 [1, 4]", 0), 0u);
}

TEST_F(TensorCommand, RandomFailures) {
  expectFailure("run " + model + " --random --dim batch=65", 2,
                "--dim makes 'batch' 65 but the model was compiled for 1 to 64");
  expectFailure("run " + model + " --random --dim rows=1", 2,
                "--dim names 'rows', but the sizes of this entry are 'batch'");
  expectFailure("run " + model + " --random --dim batch=x", 2, "--dim has 'x' where a number is needed");
  expectFailure("run " + model + " --random --dim batch", 2, "--dim 'batch' must be NAME=SIZE");
  expectFailure("run " + model + " --random --range x=3", 2, "--range 'x=3' must be NAME=LOW..HIGH");
  expectFailure("run " + model + " --random --range x=3..2", 2, "--range 'x=3..2' ends before it begins");
  expectFailure("run " + model + " --random --range y=0..1", 2, "--range names 'y', which is no input");
  expectFailure("run " + model + " --seed 1", 2, "--seed goes with --random, -p, -f or --messages");
  expectFailure("run " + model + " --random --output y=/nowhere/y.npy", 3, "/nowhere/y.npy: cannot write");
}

TEST_F(TensorCommand, Repeats) {
  EXPECT_NE(output("run " + model + " --repeat 3 --input x=" + x).find("run: 3 times, fastest "), std::string::npos);
}

TEST_F(TensorCommand, Failures) {
  expectFailure("run " + model, 2, "lathe: lathe_session_shapes: input 'x' is missing");
  expectFailure("run " + model + " --input z=" + x, 2, "no input is named 'z'; there are 'x'");
  expectFailure("run " + model + " --input x=/nowhere.npy", 3, "/nowhere.npy: cannot open: No such file or directory");
  expectFailure("run " + model + " --input x=" + npy("half.npy", LATHE_U32, {1, 4}, {0, 0, 0, 0}), 2,
                "has elements of u32 but input 'x' takes f32; convert it");
  expectFailure("run " + model + " --output " + x + " --input " + x, 2, "must be NAME=FILE");
  expectFailure("run " + model + " --tokens 1,2", 2, "takes tensors, so use --input, not --tokens or text");
  expectFailure("run " + model + " --entry decode", 3, "choose an entry with --entry; there are: forward");
  expectFailure("run /nowhere.lathe", 3, "cannot open");
  expectFailure("run " + x, 4, "a .lathe file begins with 4c41544845000d0a");
  expectFailure("run " + model + " --device tpu --input " + x, 2, "'tpu' is not cpu, cuda or cuda:N");
  expectFailure("run", 2, "model is required");
  expectFailure("", 2, "A subcommand is required");
}

class TokenCommand : public testing::Test {
protected:
  std::string model = test::writeTemporary(test::toySource());
};

TEST_F(TokenCommand, LogitsHaveARowForEachPosition) {
  std::string file = temporary("logits.npy");
  output("run " + model + " --tokens 1,5,2 --feed 6,0 --logits " + file);
  Array logits = tools::readNpy(file);
  EXPECT_EQ(logits.shape, (std::vector<int64_t>{5, 8}));
  std::vector<int32_t> text = {1, 5, 2, 6, 0};
  std::vector<float> wanted;
  for (size_t i = 1; i <= text.size(); ++i)
    for (float logit : test::toyLogits({text.begin(), text.begin() + int64_t(i)}))
      wanted.push_back(logit);
  EXPECT_EQ(floats(logits), wanted);

  std::string chunked = temporary("chunked.npy");
  output("run " + model + " --tokens 1,5,2 --feed 6,0 --prefill-chunk 2 --logits " + chunked);
  EXPECT_EQ(test::readFile(chunked), test::readFile(file));

  output("run " + model + " --tokens 1,5,2 --steps 0 --logits " + chunked);
  EXPECT_EQ(tools::readNpy(chunked).shape, (std::vector<int64_t>{3, 8}));
}

TEST_F(TokenCommand, PrintsTheLikeliestTokens) {
  // Positive sums make token 5 the likeliest; each decoded token is fed back.
  EXPECT_EQ(output("run " + model + " --tokens 1,5,2 --steps 3"), "5,5,5,5\n");
}

TEST_F(TokenCommand, PromptLongerThanAStep) {
  std::string prompt = "1";
  for (int i = 0; i != 70; ++i)
    prompt += ",1";
  EXPECT_EQ(output("run " + model + " --tokens " + prompt + " --steps 0"), "5\n");
}

TEST_F(TokenCommand, Failures) {
  expectFailure("run " + model, 2, "a language model needs a text (-p, -f, --messages) or --tokens");
  expectFailure("run " + model + " --tokens 9", 2, "tokens[0] is 9 but the vocabulary has 8");
  expectFailure("run " + model + " --tokens 1 --input x=y", 2, "so use -p or --tokens, not --input or --output");
  expectFailure("run " + model + " --tokens 1 --feed 1 --steps 2", 2, "--feed has 1 ids but --steps is 2");
  expectFailure("run " + model + " --tokens 1,7,1", 7, "entry 'forward' stopped with code 9");
}

TEST_F(TokenCommand, Inspect) {
  // How large code and manifest are is not what this is about.
  std::string text =
      std::regex_replace(output("inspect --check " + model), std::regex("[0-9]+ bytes at"), "N bytes at");
  EXPECT_EQ(text, R"(model hand-made, for cpu, by test
entry forward, a language model
  size tokens: 1 to 64
  size sequences: 1 to 8
  size offsets: 2 to 9
  size pages: 1 to 6
  size rows: 1 to 64
  input tokens: i32 [tokens] tokens
  input positions: i32 [tokens, 1] positions
  input row_offsets: i32 [offsets] row_offsets
  input lengths: i32 [sequences] lengths
  input block_tables: i32 [sequences, pages] block_tables
  input slots: i32 [tokens] slots
  input rows: i32 [rows] rows
  output logits: f32 [rows, 8] logits
  state kv: paged f32, 4 bytes a token
weights f32: 1, 32 bytes
section x86-64-v3: host code, N bytes at 65536
section weights: weights, N bytes at 131072
section manifest: manifest, N bytes at 196608
all hashes are right
)");
  EXPECT_EQ(output("inspect --json " + model).rfind(R"({"format":1,"host_abi":5,"producer":"test")", 0), 0u);
}

TEST_F(TokenCommand, InspectFindsADamagedWeight) {
  std::string bytes = test::readFile(model);
  bytes[131072 + 3] ^= 1;
  std::string damaged = test::writeTemporary(bytes);
  expectFailure("inspect --check " + damaged, 4, "weight 'head' hashes to");
  output("inspect " + damaged);
}

TEST(DoctorCommand, NamesTheProcessor) {
  std::string text = output("doctor");
  EXPECT_NE(text.find("x86-64-v"), std::string::npos) << text;
  for (const char *part : {"\ncpu: ", "\n  threads: ", " (affinity ", "\n  memory: ", "\ncuda",
                           "\nnvrtc: ", "\nnvjitlink: ", "\nnccl: ", "\nmpi: ", "\nmpi plug-in: "})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

TEST(VersionFlag, Prints) { EXPECT_EQ(output("--version"), std::string(lathe_version()) + "\n"); }

/// What `lathe tokenize` prints for standard input that printf makes.
std::string tokenize(const std::string &input, const std::string &arguments) {
  std::FILE *pipe = popen(("printf '" + input + "' | " LATHE_COMMAND " tokenize " + arguments + " 2>&1").c_str(), "r");
  std::string text(256, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), pipe));
  pclose(pipe);
  return text;
}

TEST(Tokenize, PrintsIdsOnOneLineAndTextAsItWas) {
  std::string file = VOCABULARIES "byte_pair.gguf";
  EXPECT_EQ(tokenize("", file), "\n");
  EXPECT_EQ(tokenize("\\n!\\n", file), "198 0 198\n") << "the last line end too";
  EXPECT_EQ(tokenize("!<|end|>", file + " --special"), "380 0 381\n");
  EXPECT_EQ(tokenize("198,0\\n 381", file + " --decode"), "\n!");
  EXPECT_EQ(tokenize("198 0 381", file + " --decode --special"), "\n!<|end|>");
  std::string raw = tokenize("a\\000\\377b", file);
  raw.pop_back();
  EXPECT_EQ(tokenize(raw, file + " --decode"), std::string("a\0\xFF"
                                                           "b",
                                                           4));
}

TEST(Tokenize, RefusesWhatIsNoId) {
  std::string file = VOCABULARIES "byte_pair.gguf --decode";
  EXPECT_EQ(tokenize("1 x", file), "lathe: standard input: 'x' is no token id\n");
  EXPECT_EQ(tokenize("12345", file), "lathe: lathe_tokenizer_decode: token 12345 is not one of the 383 of the model\n");
}

} // namespace
