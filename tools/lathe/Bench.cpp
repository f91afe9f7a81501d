#include "compiler/report/Roofline.h"
#include "runtime/cpu/AvailableCpus.h"
#include "runtime/cpu/ThreadPool.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/TensorInputs.h"

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

/// Fastest, middle, and the one that nine of ten do not exceed; in milliseconds.
struct Summary {
  double least, median, p90;

  explicit Summary(std::vector<double> seconds) {
    std::sort(seconds.begin(), seconds.end());
    auto at = [&](double part) {
      return seconds[std::min(seconds.size() - 1, size_t(part * double(seconds.size())))] * 1e3;
    };
    least = seconds.front() * 1e3;
    median = at(0.5);
    p90 = at(0.9);
  }
  nlohmann::json json() const { return {{"min_ms", least}, {"median_ms", median}, {"p90_ms", p90}}; }
};

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

/// An entry that takes tensors, with made-up inputs and room for its outputs.
class TensorCall {
public:
  TensorCall(const BenchArguments &arguments, const Program &program, size_t entry, const Device &device) {
    lathe_session *created = nullptr;
    check(lathe_session_create(program.get(), device.get(), nullptr, &created));
    session.reset(created);
    inputs = makeInputs(arguments.inputs, program, entry);
    for (auto &[name, array] : inputs)
      inputTensors.push_back(describeTensor(name.c_str(), array));
    for (size_t i = 0; const lathe_value_info *value = lathe_program_output(program.get(), entry, i); ++i) {
      outputTensors.push_back({});
      outputTensors.back().name = value->name;
    }
    options.struct_size = sizeof(options);
    options.entry = lathe_program_entry(program.get(), entry)->name;
    options.inputs = inputTensors.data();
    options.input_count = inputTensors.size();
    options.outputs = outputTensors.data();
    options.output_count = outputTensors.size();
    check(lathe_session_shapes(session.get(), &options));
    for (lathe_tensor &tensor : outputTensors) {
      outputs.emplace_back(tensor.bytes);
      tensor.data = outputs.back().data();
    }
  }

  void run() { check(lathe_session_run(session.get(), &options)); }

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
  Session session;
  std::map<std::string, Array> inputs;
  std::vector<lathe_tensor> inputTensors, outputTensors;
  std::vector<std::vector<char>> outputs;
  lathe_run_options options = {};
};

nlohmann::json benchTensors(const BenchArguments &arguments, const Program &program, size_t entry, const Device &device,
                            LaunchClock *clock) {
  TensorCall call(arguments, program, entry, device);
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
  result["symbols"] = call.symbols(program, entry);
  if (clock)
    for (const std::vector<double> &launch : clock->launches)
      result["launches"].push_back(Summary(launch).json());
  return result;
}

nlohmann::json benchTokens(const BenchArguments &arguments, const Program &program, size_t entry,
                           const Device &device) {
  RunArguments run;
  run.model = arguments.model;
  run.steps = arguments.steps;
  int64_t vocabulary = lathe_program_output(program.get(), entry, 0)->shape[1];
  for (int64_t i = 0; i != arguments.prompt; ++i)
    run.tokens.push_back(int32_t((i * 7919 + int64_t(arguments.inputs.seed)) % vocabulary));
  run.repeat = arguments.warmup;
  if (run.repeat)
    generateTokens(run, program, entry, device);
  run.repeat = arguments.repeat;
  TokenRun tokens = generateTokens(run, program, entry, device);
  nlohmann::json result;
  result["prompt"] = Summary(tokens.promptSeconds).json();
  result["prompt"]["tokens"] = arguments.prompt;
  result["prompt"]["tokens_per_second"] = double(arguments.prompt) * 1e3 / Summary(tokens.promptSeconds).median;
  if (!tokens.stepSeconds.empty()) {
    result["step"] = Summary(tokens.stepSeconds).json();
    result["step"]["tokens_per_second"] = 1e3 / Summary(tokens.stepSeconds).median;
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

/// The roofline report with the times of `result`, as JSON on standard output or to a file.
void writeReport(const BenchArguments &arguments, const Program &program, size_t entry, const nlohmann::json &result) {
  auto manifest = nlohmann::ordered_json::parse(lathe_program_manifest(program.get()));
  report::Call call{entry, result["symbols"].get<std::vector<int64_t>>()};
  call.Seconds = result["median_ms"].get<double>() / 1e3;
  const nlohmann::ordered_json &described = manifest["entries"][entry];
  int64_t clone = report::findClone(described, call.Symbols);
  if (clone >= 0 && result.contains("launches"))
    call.LaunchSeconds = alignLaunches(described["clones"][size_t(clone)]["steps"], result["launches"]);
  auto report = report::buildReport(manifest, report::measureHost(), {call});
  if (arguments.report == "-")
    std::cout << report.dump(1) << "\n";
  else if (std::string error = report::writeReport(arguments.report, report); !error.empty())
    throw CommandFailure(LATHE_NOT_FOUND, error);
}

void printTimes(const char *what, const nlohmann::json &times) {
  std::printf("%-8s min %.3f ms, median %.3f ms, p90 %.3f ms", what, times["min_ms"].get<double>(),
              times["median_ms"].get<double>(), times["p90_ms"].get<double>());
  if (times.contains("tokens_per_second"))
    std::printf(", %.1f tokens/s", times["tokens_per_second"].get<double>());
  std::printf("\n");
}

void printReport(const nlohmann::json &report) {
  std::printf("%s, %d warm-up runs, %d runs\n", report["device"].get<std::string>().c_str(),
              report["warmup"].get<int>(), report["repeat"].get<int>());
  if (report.contains("prompt")) {
    printTimes("prompt", report["prompt"]);
    if (report.contains("step"))
      printTimes("step", report["step"]);
    return;
  }
  printTimes("run", report);
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

} // namespace

void addBenchCommand(CLI::App &app, BenchArguments &arguments) {
  CLI::App *bench = app.add_subcommand("bench", "Measure how long a compiled model takes on made-up inputs");
  bench->add_option("model", arguments.model, "The .lathe file")->required();
  bench->add_option("--entry", arguments.entry, "Entry point (default: the only one)");
  addDeviceOptions(*bench, arguments.device, arguments.threads);
  bench->add_option("--repeat", arguments.repeat, "Runs that are timed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  bench->add_option("--warmup", arguments.warmup, "Runs before them")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  bench->add_flag("--json", arguments.json, "Print JSON");
  bench->add_flag("--launches", arguments.launches, "Time every launch as well (CPU)");
  bench
      ->add_flag("--report{-}", arguments.report,
                 "Print the roofline report as JSON, with the measured time of every launch beside the predicted one "
                 "(CPU); --report=FILE writes it, as a page if FILE ends in .html")
      ->excludes("--json");
  addInputOptions(*bench, arguments.inputs, /*alwaysRandom=*/true);
  const char *group = "Language models";
  bench->add_option("--prompt", arguments.prompt, "Tokens of the prompt")
      ->check(CLI::PositiveNumber)
      ->group(group)
      ->capture_default_str();
  bench->add_option("--steps", arguments.steps, "Tokens to decode")
      ->check(CLI::NonNegativeNumber)
      ->group(group)
      ->capture_default_str();
}

void benchModel(const BenchArguments &arguments) {
  Program program = loadProgram(arguments.model);
  size_t entry = chooseEntry(program, arguments.model, arguments.entry);
  std::string name = arguments.device.empty() ? std::string(lathe_program_target(program.get())) : arguments.device;
  bool tensors = lathe_program_entry(program.get(), entry)->kind == LATHE_ENTRY_TENSOR;
  bool launches = arguments.launches || !arguments.report.empty();
  if (launches && (name != "cpu" || !tensors))
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.model +
                                                     (arguments.launches ? ": --launches" : ": --report") +
                                                     " times entries that take tensors, on the CPU");
  std::unique_ptr<LaunchClock> clock;
  if (launches)
    clock = std::make_unique<LaunchClock>(arguments.threads);
  Device device = clock ? clock->createDevice() : createDevice(name, arguments.threads);
  nlohmann::json report = tensors ? benchTensors(arguments, program, entry, device, clock.get())
                                  : benchTokens(arguments, program, entry, device);
  report["model"] = arguments.model;
  report["entry"] = lathe_program_entry(program.get(), entry)->name;
  report["device"] = lathe_device_description(device.get());
  if (clock)
    report["device"] = report["device"].get<std::string>() + " (" + std::to_string(clock->threads()) + ", timed)";
  report["repeat"] = arguments.repeat;
  report["warmup"] = arguments.warmup;
  if (!arguments.report.empty())
    writeReport(arguments, program, entry, report);
  if (arguments.json)
    std::cout << report.dump(2) << "\n";
  else if (arguments.report != "-")
    printReport(report);
}

} // namespace lathe::tools
