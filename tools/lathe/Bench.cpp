#include "tools/lathe/Bench.h"
#include "compiler/report/Roofline.h"
#include "runtime/cpu/AvailableCpus.h"
#include "runtime/cpu/ThreadPool.h"
#include "tools/ExitCodes.h"
#include "tools/Numbers.h"
#include "tools/lathe/BenchCosts.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/DeviceTensors.h"
#include "tools/lathe/Ranks.h"
#include "tools/lathe/TensorRun.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

namespace lathe::tools {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The device's threads, with a clock: every parallel loop of a call is one launch.
class LaunchClock {
public:
  explicit LaunchClock(int threads) : pool(threads ? threads : runtime::availableCpus()) {}

  Device createDevice() {
    lathe_device_options options = {};
    options.struct_size = sizeof(options);
    options.parallel_for = [](void *user, int64_t count, void (*body)(void *, int64_t, int64_t), void *argument) {
      static_cast<LaunchClock *>(user)->run(count, body, argument);
    };
    options.parallel_for_user = this;
    lathe_device *device = nullptr;
    check(lathe_device_create(&options, &device));
    return Device(device);
  }

  /// Begins a call; without `keep` its launches are not timed.
  void begin(bool keep) {
    next = 0;
    timed = keep;
  }
  int threads() const { return pool.size(); }

  std::vector<std::vector<double>> launches; ///< seconds of each launch of a call, one entry for each timed call

private:
  void run(int64_t count, void (*body)(void *, int64_t, int64_t), void *argument) {
    auto start = Clock::now();
    pool.run(count, body, argument);
    if (!timed)
      return;
    if (next == launches.size())
      launches.emplace_back();
    launches[next++].push_back(secondsSince(start));
  }

  runtime::ThreadPool pool;
  size_t next = 0;
  bool timed = false;
};

/// An entry that takes tensors, with made-up inputs and room for its outputs, on a GPU in its memory.
class TensorCall {
public:
  TensorCall(const BenchArguments &arguments, const Model &model) : session(createSession(model, nullptr)) {
    const Program &program = model.program;
    size_t entry = model.entry;
    inputs = makeInputs(arguments.inputs, program, entry);
    for (auto &[name, array] : inputs)
      inputTensors.push_back(describeTensor(name.c_str(), array));
    for (size_t i = 0; const lathe_value_info *value = lathe_program_output(program.get(), entry, i); ++i) {
      outputTensors.push_back({});
      outputTensors.back().name = value->name;
    }
    options = describeRun(model, session, inputTensors, outputTensors);
    for (lathe_tensor &tensor : outputTensors) {
      outputs.emplace_back(tensor.bytes);
      tensor.data = outputs.back().data();
    }
    if (model.ordinal >= 0)
      moveToDevice(model.ordinal);
  }

  void run() {
    check(lathe_session_run(session.get(), &options));
    if (onDevice)
      onDevice->wait();
  }

  /// Values of the entry's symbols, in its order.
  std::vector<int64_t> symbols(const Program &program, size_t entry) const {
    std::map<std::string, int64_t> sizes;
    for (size_t i = 0; const lathe_value_info *value = lathe_program_input(program.get(), entry, i); ++i)
      for (size_t d = 0; d != value->rank; ++d)
        if (value->symbols[d])
          sizes[value->symbols[d]] = inputs.at(value->name).shape[d];
    std::vector<int64_t> values;
    for (size_t i = 0; const lathe_symbol_info *symbol = lathe_program_symbol(program.get(), entry, i); ++i)
      values.push_back(sizes[symbol->name]);
    return values;
  }

  /// Sizes of the inputs, by name.
  nlohmann::json shapes() const {
    nlohmann::json all = nlohmann::json::object();
    for (const auto &[name, array] : inputs)
      all[name] = array.shape;
    return all;
  }

private:
  void moveToDevice(int ordinal) {
    onDevice = std::make_unique<DeviceTensors>(ordinal);
    for (std::vector<lathe_tensor> *tensors : {&inputTensors, &outputTensors})
      for (lathe_tensor &tensor : *tensors)
        onDevice->move(tensor);
    options.stream = onDevice->stream();
  }

  std::unique_ptr<DeviceTensors> onDevice; ///< outlives the session, which ends after its last work there
  Session session;
  std::map<std::string, Array> inputs;
  std::vector<lathe_tensor> inputTensors, outputTensors;
  std::vector<std::vector<char>> outputs;
  lathe_run_options options = {};
};

nlohmann::json benchTensors(const BenchArguments &arguments, const Model &model, LaunchClock *clock,
                            GpuLaunches *launches) {
  TensorCall call(arguments, model);
  std::vector<double> seconds;
  nlohmann::json runs = nlohmann::json::array(), processor = nlohmann::json::array();
  for (int i = 0; i != arguments.warmup + arguments.repeat; ++i) {
    if (clock)
      clock->begin(i >= arguments.warmup);
    std::clock_t processorStart = std::clock();
    auto start = Clock::now();
    call.run();
    if (i < arguments.warmup)
      continue;
    seconds.push_back(secondsSince(start));
    runs.push_back(seconds.back() * 1e3);
    processor.push_back(double(std::clock() - processorStart) * 1e3 / CLOCKS_PER_SEC);
  }
  nlohmann::json result = Summary(seconds).json();
  result["run_ms"] = std::move(runs);
  result["processor_ms"] = std::move(processor); // of all threads of the process
  result["inputs"] = call.shapes();
  result["symbols"] = call.symbols(model.program, model.entry);
  if (clock)
    for (const std::vector<double> &launch : clock->launches)
      result["launches"].push_back(Summary(launch).json());
  if (launches) {
    launches->start();
    for (int i = 0; i != std::min(arguments.repeat, MostLaunchRuns); ++i)
      call.run();
    launches->stop();
    result["launch_calls"] = launches->describe();
  }
  return result;
}

/// Puts the times of the launches beside the clone's steps, of which copies are not launched. Empty where launches do
/// not follow the steps one by one: in loops and branches.
std::vector<double> alignLaunches(const nlohmann::ordered_json &steps, const nlohmann::json &measured) {
  std::vector<double> seconds;
  size_t next = 0;
  for (const auto &step : steps) {
    bool launched = step["kernel"] != "copy";
    if (launched && next == measured.size())
      return {};
    seconds.push_back(launched ? measured[next++]["median_ms"].get<double>() / 1e3 : 0);
  }
  return next == measured.size() ? seconds : std::vector<double>();
}

/// The call that `result` is about, with its times on the CPU.
report::Call describeCall(const Model &model, const nlohmann::ordered_json &manifest, const nlohmann::json &result) {
  report::Call call{model.entry, result["symbols"].get<std::vector<int64_t>>()};
  call.Seconds = result["median_ms"].get<double>() / 1e3;
  const nlohmann::ordered_json &described = manifest["entries"][model.entry];
  int64_t clone = report::findClone(described, call.Symbols);
  if (clone >= 0 && result.contains("launches"))
    call.LaunchSeconds = alignLaunches(described["clones"][size_t(clone)]["steps"], result["launches"]);
  return call;
}

/// The roofline report with the times of `result` or `launches`, as JSON on standard output or to a file.
void writeReport(const BenchArguments &arguments, const Model &model, const nlohmann::json &result,
                 const GpuLaunches *launches) {
  auto manifest = parseManifest(model.program);
  nlohmann::ordered_json report =
      launches ? launches->report()
               : report::buildReport(manifest, report::measureHost(), {describeCall(model, manifest, result)});
  if (arguments.report == "-")
    std::cout << report.dump(1) << "\n";
  else if (std::string error = report::writeReport(arguments.report, report); !error.empty())
    throw CommandFailure(LATHE_NOT_FOUND, error);
}

void printReport(const nlohmann::json &report) {
  std::printf("%s, %d warm-up runs, %d runs\n", report["device"].get<std::string>().c_str(),
              report["warmup"].get<int>(), report["repeat"].get<int>());
  if (report.contains("results")) {
    printTokenTable(report);
    return;
  }
  std::printf("run min %.3f ms, median %.3f ms, p90 %.3f ms\n", report["min_ms"].get<double>(),
              report["median_ms"].get<double>(), report["p90_ms"].get<double>());
  if (report.contains("launch_calls"))
    printGpuLaunches(report["launch_calls"]);
  if (!report.contains("launches"))
    return;
  double total = 0;
  for (const nlohmann::json &launch : report["launches"])
    total += launch["median_ms"].get<double>();
  std::printf("launch  median ms  share\n");
  for (size_t i = 0; i != report["launches"].size(); ++i) {
    double median = report["launches"][i]["median_ms"];
    std::printf("%6zu %10.4f %5.1f%%\n", i, median, 100 * median / total);
  }
}

nlohmann::json benchLanguageModel(const BenchArguments &arguments, const Model &model, GpuLaunches *launches) {
  nlohmann::json report;
  Session weights = loadWeights(model, report); // sessions of one program share them
  report["results"] = benchTokens(arguments, model, launches);
  return report;
}

int benchModel(const BenchArguments &arguments) {
  const std::string &name = arguments.model.model;
  Program program = loadProgram(name);
  size_t entry = chooseEntry(program, name, arguments.model.entry);
  std::string device = chooseDevice(program, arguments.model);
  lathe_entry_kind kind = lathe_program_entry(program.get(), entry)->kind;
  if (kind == LATHE_ENTRY_ENCODER)
    throw CommandFailure(LATHE_UNSUPPORTED, name + ": an encoder of texts, which lathe bench cannot time");
  bool tensors = kind == LATHE_ENTRY_TENSOR;
  if (const std::string &idle = tensors ? arguments.textOptions : arguments.tensorOptions; !idle.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT, name + (tensors ? ": takes tensors" : ": a language model") +
                                                     ", for which there is no " + idle + "; leave it out");
  bool launches = arguments.launches || !arguments.report.empty();
  bool onGpu = ordinalOf(device) >= 0;
  if (launches && !onGpu && !tensors)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, name + (arguments.launches ? ": --launches" : ": --report") +
                                                     " times language models on GPUs alone");
  std::unique_ptr<LaunchClock> clock;
  if (launches && !onGpu)
    clock = std::make_unique<LaunchClock>(arguments.model.threads);
  Group group = meetRanks(name, program, arguments.model.ranks);
  Device made = clock ? clock->createDevice() : createDevice(device, arguments.model.threads);
  followFirst(group, program, made);
  Model model = {std::move(program), entry, std::move(made), std::move(group), /*madeUpWeights=*/true,
                 ordinalOf(device),  name};
  std::unique_ptr<GpuLaunches> gpuLaunches;
  if (launches && onGpu)
    gpuLaunches = std::make_unique<GpuLaunches>(model);
  nlohmann::json report;
  if (tensors)
    report = benchTensors(arguments, model, clock.get(), gpuLaunches.get());
  else
    report = benchLanguageModel(arguments, model, gpuLaunches.get());
  report["model"] = name;
  report["entry"] = model.info().name;
  report["device"] = lathe_device_description(model.device.get());
  if (clock)
    report["device"] = report["device"].get<std::string>() + " (" + std::to_string(clock->threads()) + ", timed)";
  report["repeat"] = arguments.repeat;
  report["warmup"] = arguments.warmup;
  if (!arguments.report.empty())
    writeReport(arguments, model, report, gpuLaunches.get());
  if (arguments.json)
    std::cout << report.dump(2) << "\n";
  else if (arguments.report != "-")
    printReport(report);
  return Success;
}

/// "--prompt, --steps": those of `options` that are on the command line.
std::string listGiven(const CLI::App &bench, std::initializer_list<const char *> options) {
  std::string text;
  for (const char *option : options)
    if (bench.count(option))
      text += (text.empty() ? "" : ", ") + std::string(option);
  return text;
}

/// One or several sizes, comma-separated.
void addSizes(CLI::App &bench, const char *flag, std::vector<int64_t> &sizes, const char *what, int64_t least) {
  bench.add_option(flag, sizes, what)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(least, int64_t(1) << 31))
      ->type_name("N[,N...]")
      ->group("Language models")
      ->capture_default_str();
}

} // namespace

void addBenchCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App *bench = app.add_subcommand("bench", "Measure how long a compiled model takes on made-up inputs");
  addModelOptions(*bench, arguments->model);
  bench->add_option("--repeat", arguments->repeat, "Runs that are timed")->check(Positive)->capture_default_str();
  bench->add_option("--warmup", arguments->warmup, "Runs before them")->check(NotNegative)->capture_default_str();
  bench->add_flag("--json", arguments->json, "Print JSON");
  bench->add_flag("--launches", arguments->launches, "Time every launch as well");
  bench
      ->add_flag("--report{-}", arguments->report,
                 "Print the roofline report as JSON, with the measured time of every launch beside the predicted one; "
                 "--report=FILE writes it, as a page if FILE ends in .html")
      ->excludes("--json");
  addInputOptions(*bench, arguments->inputs, /*alwaysRandom=*/true);
  addSizes(*bench, "--prompt", arguments->prompt, "Tokens of each prompt", 1);
  addSizes(*bench, "--steps", arguments->steps, "Tokens to generate after it", 0);
  addSizes(*bench, "--batch", arguments->batch, "Texts at one time", 1);
  bench
      ->add_flag("--prompt-once", arguments->promptOnce,
                 "Take every prompt once, and all steps from there: for long prompts of many texts")
      ->group("Language models");
  bench->callback([arguments, bench, &chosen] {
    arguments->textOptions = listGiven(*bench, {"--prompt", "--steps", "--batch", "--prompt-once"});
    arguments->tensorOptions = listGiven(*bench, {"--input", "--dim", "--range"});
    chosen = [arguments] { return benchModel(*arguments); };
  });
}

} // namespace lathe::tools
