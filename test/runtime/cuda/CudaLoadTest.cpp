// Devices and what is loaded onto them, against the fake driver.
#include "test/runtime/cuda/FakeCudaFixture.h"

#include <cstring>
#include <numeric>

using namespace lathe;
using test::Outcome;

namespace {

class CudaLoad : public test::FakeCuda {
protected:
  /// Places the toy model on a GPU of this capability; what was loaded.
  std::string imageFor(int major, int minor, const artifact::ArtifactSource &source = test::toySource("cuda")) {
    reset(major, minor);
    test::Device device;
    EXPECT_EQ(createDevice(device).message, "");
    test::Program program = test::load(test::writeTemporary(source));
    test::openSession(program, device);
    return loadedImage();
  }

  Outcome openOn(const test::Device &device, const artifact::ArtifactSource &source, int maxSequences = 1) {
    test::Program program = test::load(test::writeTemporary(source));
    lathe_session_options options = {sizeof(options), 0, maxSequences, 0, 0, nullptr};
    lathe_session *session = nullptr;
    Outcome result = test::outcome(lathe_session_create(program.get(), device.get(), &options, &session));
    EXPECT_EQ(session, nullptr);
    return result;
  }
};

TEST_F(CudaLoad, DescribesTheDevice) {
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  EXPECT_STREQ(lathe_device_description(device.get()), "cuda:0, Fake GPU, sm_90");
}

TEST_F(CudaLoad, NoSuchOrdinal) {
  test::Device device;
  Outcome result = createDevice(device, 1);
  EXPECT_EQ(result.code, LATHE_NOT_FOUND);
  EXPECT_EQ(result.message, "lathe_device_create: ordinal is 1 but the driver shows 1 GPUs, numbered from 0; "
                            "choose one of these, or see whether CUDA_VISIBLE_DEVICES hides some");
}

TEST_F(CudaLoad, NoDevice) {
  failCall("cuInit", 1, 100);
  test::Device device;
  Outcome result = createDevice(device);
  EXPECT_EQ(result.code, LATHE_NOT_FOUND);
  EXPECT_EQ(result.message,
            "lathe_device_create: cuInit: CUDA_ERROR_NO_DEVICE (text of the fake driver); see whether nvidia-smi shows "
            "a GPU, and whether CUDA_VISIBLE_DEVICES or a container hides it");
}

TEST_F(CudaLoad, CubinOfTheSameChipElsePtx) {
  EXPECT_EQ(imageFor(9, 0), "cubin of the toy");
  EXPECT_EQ(imageFor(10, 0), "// toy");
  EXPECT_EQ(imageFor(8, 0), "// toy");
}

TEST_F(CudaLoad, OnlyKernelsThatWaitStartEarly) {
  imageFor(9, 0);
  EXPECT_GT(calls("dependent launch"), 0);
  // PTX for older GPUs does not wait, whatever GPU runs it.
  artifact::ArtifactSource source = test::toySource("cuda");
  source.sections.pop_back();
  EXPECT_EQ(imageFor(9, 0, source), "// toy");
  EXPECT_EQ(calls("dependent launch"), 0);
  EXPECT_EQ(imageFor(8, 0), "// toy");
  EXPECT_EQ(calls("dependent launch"), 0);
}

TEST_F(CudaLoad, PtxOfThisGpuBeforePtxOfOlderOnes) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.sections.pop_back();
  source.sections.push_back({runtime::SectionKind::Ptx, "sm_90a", std::string("// for sm_90a\0", 14)});
  source.sections.push_back({runtime::SectionKind::Ptx, "compute_86", std::string("// for compute_86\0", 18)});
  EXPECT_EQ(imageFor(9, 0, source), "// for sm_90a");
  EXPECT_EQ(imageFor(10, 0, source), "// for compute_8"); // the fake keeps 16 bytes
  EXPECT_EQ(imageFor(8, 6, source), "// for compute_8");
  EXPECT_EQ(imageFor(8, 0, source), "// toy");
}

TEST_F(CudaLoad, KernelThatNeedsMoreSharedMemoryThanThereIs) {
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  artifact::ArtifactSource source = test::toySource("cuda");
  source.manifest["kernels"][1]["targets"][1]["shared_bytes"] = 300000;
  Outcome result = openOn(device, source);
  EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
  EXPECT_NE(result.message.find("kernel 'lathe_toy_attend' needs 300000 bytes of shared memory but a block has 232448 "
                                "on cuda:0, Fake GPU, sm_90; compile it for this GPU"),
            std::string::npos)
      << result.message;
}

TEST_F(CudaLoad, CubinOfTheSameGeneration) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.sections.back().name = "sm_80";
  EXPECT_EQ(imageFor(8, 6, source), "cubin of the toy");
  EXPECT_EQ(imageFor(9, 0, source), "// toy");
  source.sections.push_back({runtime::SectionKind::Cubin, "sm_86", "cubin for sm_86"});
  EXPECT_EQ(imageFor(8, 6, source), "cubin for sm_86");
  EXPECT_EQ(imageFor(8, 0, source), "cubin of the toy");
}

TEST_F(CudaLoad, AllModulesOfASection) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.sections[1].bytes = std::string("// one\0// two\0", 14);
  source.manifest["cuda_modules"] = {{"ptx", {{"compute_80", {0, 7}}}}, {"cubin", nlohmann::ordered_json::object()}};
  source.manifest["kernels"][1]["module"] = 1;
  EXPECT_EQ(imageFor(8, 0, source), "// two");
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 2);
  EXPECT_EQ(calls("cuModuleUnload"), 2);
  // The cubin is one module.
  reset(9, 0);
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  Outcome result = openOn(device, source);
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("kernel 'lathe_toy_attend' is in module 1 but there are 1"), std::string::npos)
      << result.message;
}

TEST_F(CudaLoad, CubinOfAnOlderMinorIsNotForA) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.sections.back().name = "sm_100a";
  EXPECT_EQ(imageFor(10, 3, source), "// toy");
  source.sections.back().name = "sm_100f";
  EXPECT_EQ(imageFor(10, 3, source), "cubin of the toy");
}

TEST_F(CudaLoad, NothingForThisGpu) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.sections.erase(source.sections.begin() + 1);
  reset(8, 0);
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  Outcome result = openOn(device, source);
  EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
  EXPECT_NE(result.message.find("has neither PTX nor a cubin for cuda:0, Fake GPU, sm_80"), std::string::npos)
      << result.message;
}

TEST_F(CudaLoad, PtxThatDoesNotCompileShowsTheLog) {
  reset(8, 0);
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  failCall("cuModuleLoadDataEx", 1, 218);
  EXPECT_EQ(
      openOn(device, test::toySource("cuda")).message,
      "lathe_session_create: cuModuleLoadDataEx for section 'compute_80', which says: line 3: fake syntax error: error "
      "218");
}

TEST_F(CudaLoad, PtxOfANewerCudaThanTheDriver) {
  reset(8, 6);
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  failCall("cuModuleLoadDataEx", 1, 222);
  Outcome result = openOn(device, test::toySource("cuda"));
  EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
  EXPECT_NE(result.message.find(": section 'compute_80' is of a newer CUDA than the driver: error 222; install a newer "
                                "driver of NVIDIA's, or compile the model for this GPU (--target=sm_86), whose machine "
                                "code needs no compiler in the driver"),
            std::string::npos)
      << result.message;
}

TEST_F(CudaLoad, MachineCodeThatIsNewerThanTheDriver) {
  for (int error : {200, 209}) {
    reset(9, 0);
    test::Device device;
    ASSERT_EQ(createDevice(device).message, "");
    failCall("cuModuleLoadDataEx", 1, error);
    Outcome result = openOn(device, test::toySource("cuda"));
    EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
    EXPECT_NE(
        result.message.find(": section 'sm_90a' is no machine code that the driver, which is of CUDA 13.0, takes: "
                            "error " +
                            std::to_string(error) + "; install a newer driver of NVIDIA's, or compile the model"),
        std::string::npos)
        << result.message;
  }
}

TEST_F(CudaLoad, AGpuThatIsOlderThanAllCode) {
  reset(7, 5);
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  Outcome result = openOn(device, test::toySource("cuda"));
  EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
  EXPECT_NE(result.message.find("has neither PTX nor a cubin for cuda:0, Fake GPU, sm_75; its kernels need sm_80 or "
                                "newer: run it on such a GPU, or compile the model for the CPU"),
            std::string::npos)
      << result.message;
}

TEST_F(CudaLoad, KernelThatTheModuleLacks) {
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  artifact::ArtifactSource source = test::toySource("cuda");
  source.manifest["kernels"][1]["name"] = "lathe_other";
  EXPECT_EQ(openOn(device, source).message,
            "lathe_session_create: cuModuleGetFunction for kernel 'lathe_other': error 500");
}

TEST_F(CudaLoad, KernelThatNeedsMoreSharedMemoryThanItSays) {
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  artifact::ArtifactSource source = test::toySource("cuda");
  source.manifest["kernels"][1]["targets"][1]["shared_bytes"] = 0;
  EXPECT_EQ(openOn(device, source).message,
            "lathe_session_create: cuLaunchKernelEx for kernel 'lathe_toy_attend', grid "
            "1 x 1 x 1, block 32 x 1 x 1, 65536 bytes shared: error 1");
}

TEST_F(CudaLoad, KernelThatTheManifestLacks) {
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  artifact::ArtifactSource source = test::toySource("cuda");
  source.manifest["kernels"].erase(1);
  Outcome result = openOn(device, source);
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_EQ(result.message, "lathe_session_create: a launch names kernel 1 but there are 1");
}

TEST_F(CudaLoad, OutOfMemoryIsRefusedInBytes) {
  reset(9, 0, 1000);
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  Outcome result = openOn(device, test::toySource("cuda"), 8);
  EXPECT_EQ(result.code, LATHE_OUT_OF_MEMORY);
  EXPECT_NE(result.message.find(": needs 32 bytes for weights, "), std::string::npos) << result.message;
  EXPECT_NE(result.message.find(" of them for a step of 64 tokens), but 1000 of 1000 are free on the GPU; lower "
                                "kv_cache_bytes or max_sequences, or compile it for shorter steps: lathec --dim "
                                "tokens=1..16"),
            std::string::npos)
      << result.message;
  EXPECT_EQ(calls("cuMemAlloc"), 0);
}

TEST_F(CudaLoad, LargeWeightsGoUpInPieces) {
  // Nine mebibytes: three pieces through two buffers, which the fake driver reads as late as it may.
  constexpr size_t Count = (size_t(9) << 20) / 4;
  reset(9, 0, size_t(16) << 20);
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  artifact::ArtifactSource source = test::scaleSource("cuda");
  artifact::WeightSource large = source.weights[0];
  large.name = "large";
  large.offset = 256;
  large.bytes = Count * 4;
  large.shape = {int64_t(Count)};
  large.write = [](const artifact::ByteSink &sink) {
    std::vector<uint32_t> numbers(Count);
    std::iota(numbers.begin(), numbers.end(), 0);
    sink(numbers.data(), Count * 4);
    return std::string();
  };
  source.weights.push_back(large);
  test::Program program = test::load(test::writeTemporary(source));
  test::Session session = test::openSession(program, device);
  EXPECT_EQ(calls("cuMemcpyHtoDAsync"), 3);
  EXPECT_EQ(calls("cuMemAllocHost"), 3); // two buffers, and the word that kernels report faults in
  const auto *weights = reinterpret_cast<const unsigned char *>(
      function<decltype(fakeCudaLargestAllocation)>("fakeCudaLargestAllocation")());
  for (size_t i : {size_t(0), Count / 3, Count / 2, Count - 1}) {
    uint32_t found;
    std::memcpy(&found, weights + 256 + i * 4, 4);
    EXPECT_EQ(found, i);
  }
}

TEST_F(CudaLoad, SessionsShareWeights) {
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  test::Program program = test::load(test::writeTemporary(test::toySource("cuda")));
  test::Session first = test::openSession(program, device), second = test::openSession(program, device);
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 1);
  first.reset();
  second.reset();
  test::Session third = test::openSession(program, device);
  EXPECT_EQ(calls("cuModuleLoadDataEx"), 2);
}

TEST_F(CudaLoad, TargetThatDoesNotSayWhetherItWaits) {
  artifact::ArtifactSource source = test::toySource("cuda");
  source.manifest["cuda_targets"][1]["dependent_launch"] = 1;
  lathe_program *program = nullptr;
  Outcome result = test::outcome(lathe_program_load(test::writeTemporary(source).c_str(), &program));
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("cuda_targets[1].dependent_launch is 1 but must be true or false"), std::string::npos)
      << result.message;
}

TEST_F(CudaLoad, CpuProgramOnAGpu) {
  test::Device device;
  ASSERT_EQ(createDevice(device).message, "");
  EXPECT_EQ(openOn(device, test::toySource("cpu")).code, LATHE_UNSUPPORTED);
}

} // namespace
