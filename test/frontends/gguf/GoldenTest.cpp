// What an imported model computes on the reference evaluator is what llama.cpp computes with the same weights as f32.
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/lathe/reference/Tolerance.h"
#include "frontends/gguf/GgufImporter.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>

using namespace lathe;

namespace {

// Logits of the goldens carry noise below 1e-5 (../shared/data/README.md): they are computed by f32 kernels.
constexpr double Tolerance = KernelF32.MaxAbsolute;

struct Golden {
  std::vector<int32_t> tokens; ///< the prompt, then what was chosen
  size_t prompt;
  std::vector<float> logits; ///< [tokens, vocabulary]
};

/// The numbers of a NumPy file of f32.
std::vector<float> readNumbers(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  size_t begin = 10; // magic, version, u16 length of the text that follows
  EXPECT_GE(bytes.size(), begin) << path;
  if (bytes.size() < begin)
    return {};
  begin += uint8_t(bytes[8]) | uint8_t(bytes[9]) << 8;
  std::vector<float> numbers((bytes.size() - begin) / sizeof(float));
  std::memcpy(numbers.data(), bytes.data() + begin, numbers.size() * sizeof(float));
  return numbers;
}

Golden readGolden(const std::string &folder) {
  Golden golden;
  auto json = nlohmann::json::parse(std::ifstream(folder + "/golden.json"));
  golden.tokens = json["tokens"].get<std::vector<int32_t>>();
  golden.prompt = golden.tokens.size();
  for (int32_t token : json["chosen"])
    golden.tokens.push_back(token);
  golden.logits = readNumbers(folder + "/logits.npy");
  EXPECT_EQ(golden.logits.size(), golden.tokens.size() * size_t(json["n_vocab"])) << folder;
  return golden;
}

ReferenceValue makeTensor(mlir::MLIRContext *context, llvm::ArrayRef<int32_t> values, llvm::ArrayRef<int64_t> shape) {
  ReferenceValue tensor = ReferenceValue::tensor(mlir::IntegerType::get(context, 32), shape);
  for (auto [i, value] : llvm::enumerate(values))
    tensor.setInt(i, value);
  return tensor;
}

/// One sequence on the pages 3, 2, 1 and 0, so that a mistake with block tables shows.
class Sequence {
public:
  Sequence(mlir::ModuleOp module) : function(*module.getOps<mlir::func::FuncOp>().begin()) {
    for (mlir::Type type : function.getArgumentTypes())
      if (auto state = mlir::dyn_cast<StateType>(type))
        states.push_back(ReferenceValue(state, {}, state.getUnitBytes() * 4));
  }

  /// Feeds tokens and returns the logits of each.
  std::vector<float> step(llvm::ArrayRef<int32_t> tokens) {
    int64_t count = tokens.size();
    std::vector<int32_t> positions(count), slots(count), rows(count);
    for (int64_t i = 0; i < count; ++i) {
      positions[i] = length + i;
      slots[i] = (3 - positions[i] / 16) * 16 + positions[i] % 16;
      rows[i] = i;
    }
    length += count;
    llvm::SmallVector<ReferenceValue> arguments = {makeTensor(tokens, {count}), makeTensor(positions, {count, 1}),
                                                   makeTensor({0, int32_t(count)}, {2}), makeTensor({length}, {1})};
    for (size_t i = 0; i != states.size(); ++i) // those with a window have tables of their own, here the same
      arguments.append({makeTensor({3, 2, 1, 0}, {1, 4}), makeTensor(slots, {count})});
    arguments.push_back(makeTensor(rows, {count}));
    arguments.append(states);
    auto results = evaluator.evaluateFunction(function, arguments);
    EXPECT_TRUE(succeeded(results));
    if (failed(results))
      return {};
    for (size_t i = 0; i != states.size(); ++i)
      states[i] = (*results)[i + 1];
    return *(*results)[0].toFloats();
  }

private:
  ReferenceValue makeTensor(llvm::ArrayRef<int32_t> values, llvm::ArrayRef<int64_t> shape) {
    return ::makeTensor(function.getContext(), values, shape);
  }

  mlir::func::FuncOp function;
  Evaluator evaluator;
  llvm::SmallVector<ReferenceValue> states;
  int32_t length = 0;
};

void expectClose(llvm::ArrayRef<float> found, llvm::ArrayRef<float> wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  size_t worst = 0;
  for (size_t i = 0; i < found.size(); ++i)
    if (!(std::abs(found[i] - wanted[i]) <= std::abs(found[worst] - wanted[worst])))
      worst = i;
  EXPECT_NEAR(found[worst], wanted[worst], Tolerance) << "logit " << worst;
}

class GoldenModel : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(GOLDEN_DATA))
      GTEST_SKIP() << "the folder " GOLDEN_DATA " is absent";
    folder = std::string(GOLDEN_DATA) + GetParam();
    golden = readGolden(folder);
    auto imported = importGguf(context, folder + "/model.gguf");
    ASSERT_TRUE(succeeded(imported));
    module = std::move(*imported);
  }

  std::string folder;
  Golden golden;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_P(GoldenModel, HasTheLogitsOfLlamaCpp) {
  Sequence sequence(*module);
  llvm::ArrayRef<int32_t> tokens(golden.tokens);
  llvm::ArrayRef<float> logits(golden.logits);
  size_t vocabulary = logits.size() / tokens.size();
  expectClose(sequence.step(tokens.take_front(golden.prompt)), logits.take_front(golden.prompt * vocabulary));
  for (size_t i = golden.prompt; i < tokens.size(); ++i)
    expectClose(sequence.step(tokens.slice(i, 1)), logits.slice(i * vocabulary, vocabulary));
}

/// The text of the golden stands between two others, which it does not see.
void checkEncoder(const std::string &folder) {
  std::vector<int32_t> golden = nlohmann::json::parse(std::ifstream(folder + "/golden.json"))["tokens"];
  std::vector<float> wanted = readNumbers(folder + "/embd.npy");
  ASSERT_FALSE(wanted.empty());
  mlir::MLIRContext context;
  auto module = importGguf(context, folder + "/model.gguf");
  ASSERT_TRUE(succeeded(module));
  std::vector<int32_t> tokens = {5, 6, 7}, positions = {0, 1, 2};
  int32_t count = int32_t(golden.size()), begin = int32_t(tokens.size());
  for (int32_t i = 0; i != count; ++i) {
    tokens.push_back(golden[i]);
    positions.push_back(i);
  }
  tokens.push_back(9);
  positions.push_back(0);
  int64_t total = tokens.size();
  ReferenceValue arguments[] = {makeTensor(&context, tokens, {total}), makeTensor(&context, positions, {total, 1}),
                                makeTensor(&context, {0, begin, begin + count, int32_t(total)}, {4})};
  Evaluator evaluator;
  auto results = evaluator.evaluateFunction(*(*module)->getOps<mlir::func::FuncOp>().begin(), arguments);
  ASSERT_TRUE(succeeded(results));
  std::vector<float> found = *(*results)[0].toFloats();
  size_t width = wanted.size() / golden.size();
  expectClose(llvm::ArrayRef<float>(found).slice(begin * width, wanted.size()), wanted);
}

TEST(Encoder, BertHasTheHiddenStatesOfLlamaCpp) {
  if (!std::filesystem::exists(GOLDEN_DATA))
    GTEST_SKIP() << "the folder " GOLDEN_DATA " is absent";
  checkEncoder(std::string(GOLDEN_DATA) + "bert");
}

TEST(Encoder, NomicBertHasTheHiddenStatesOfTransformers) { checkEncoder(GGUF_MODELS "nomic-bert"); }

std::string printName(const testing::TestParamInfo<const char *> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Llama, GoldenModel,
                         testing::Values("llama", "llama31", "llama-bf16", "llama-iq2_xs", "llama-iq3_xxs",
                                         "llama-iq4_nl", "llama-mxfp4", "llama-nvfp4", "llama-q1_0", "llama-q2_k",
                                         "llama-q3_k_m", "llama-q4_0", "llama-q4_1", "llama-q4_k_m", "llama-q5_0",
                                         "llama-q5_k_m", "llama-q6_k", "llama-q8_0", "llama-tq2_0"),
                         printName);

INSTANTIATE_TEST_SUITE_P(Architecture, GoldenModel,
                         testing::Values("command-r", "deepseek2", "falcon", "gemma", "gemma3", "glm4", "gpt-oss",
                                         "llama-moe", "llama-moe-mxfp4_moe", "olmo2", "phi3", "qwen2", "qwen3",
                                         "qwen3moe", "smollm3", "stablelm", "starcoder2"),
                         printName);

} // namespace
