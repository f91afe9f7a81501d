// Files of `lathec --tune`: what was measured, for compilations elsewhere.
#include "compiler/artifact/OutputFile.h"
#include "compiler/targets/cuda/KernelChoice.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

using namespace lathe::cuda;
using Json = nlohmann::ordered_json;

static constexpr int Format = 1;

namespace {
/// Takes fields of one object. The first that is not as it should be is remembered, with where it stands.
class FieldReader {
public:
  FieldReader(const Json &json, std::string where) : Object(json), Where(std::move(where)) {
    if (!Object.is_object())
      Wrong = Where + " is " + describe(Object) + ", needed an object";
  }
  std::string readText(const char *key) {
    const Json *value = find(key);
    if (value && (!value->is_string() || value->get<std::string>().empty()))
      fail(key, *value, "a text");
    return Wrong.empty() && value ? value->get<std::string>() : "";
  }
  double readPositive(const char *key) {
    const Json *value = find(key);
    if (value && (!value->is_number() || value->get<double>() <= 0))
      fail(key, *value, "a number above 0");
    return Wrong.empty() && value ? value->get<double>() : 0;
  }
  const Json &readList(const char *key) {
    static const Json none = Json::array();
    const Json *value = find(key);
    if (value && !value->is_array())
      fail(key, *value, "a list");
    return Wrong.empty() && value ? *value : none;
  }
  void fail(const char *key, const Json &found, const std::string &needed) {
    if (Wrong.empty())
      Wrong = Where + ": '" + key + "' is " + describe(found) + ", needed " + needed;
  }

  std::string Wrong;

private:
  static std::string describe(const Json &json) {
    std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.size() <= 40 ? text : text.substr(0, 40) + "...";
  }
  const Json *find(const char *key) {
    if (!Wrong.empty())
      return nullptr;
    auto found = Object.find(key);
    if (found == Object.end())
      Wrong = Where + ": '" + key + "' is not there";
    return found == Object.end() ? nullptr : &*found;
  }

  const Json &Object;
  std::string Where;
};
} // namespace

static std::string readLaunch(const Json &json, const std::string &where, TunedLaunch &launch) {
  FieldReader fields(json, where);
  launch.Key = fields.readText("launch");
  launch.Hash = fields.readText("kernels");
  const Json &times = fields.readList("measured");
  if (fields.Wrong.empty() && times.empty())
    fields.fail("measured", times, "at least one candidate");
  for (const Json &json : times) {
    FieldReader time(json, where + ", 'measured'");
    std::string name = time.readText("candidate");
    launch.Times.push_back({name, time.readPositive("microseconds") / 1e6});
    if (!time.Wrong.empty())
      return time.Wrong;
  }
  llvm::sort(launch.Times, [](const TunedLaunch::Time &a, const TunedLaunch::Time &b) {
    return std::tie(a.Seconds, a.Candidate) < std::tie(b.Seconds, b.Candidate);
  });
  return fields.Wrong;
}

std::string lathe::cuda::readTuning(const std::string &path, TuningFile &tuning) {
  std::ifstream file(path);
  file.peek(); // a folder can be opened, but not read
  if (file.fail())
    return path + ": cannot be read: " + std::strerror(errno);
  Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded())
    return path + ": is no JSON; give a file that 'lathec --tune' has written";
  FieldReader fields(json, path);
  if (double format = fields.readPositive("format"); fields.Wrong.empty() && format != Format)
    fields.fail("format", json["format"], std::to_string(Format) + "; measure again with --tune");
  tuning.Chip = fields.readText("chip");
  tuning.Device = fields.readText("device");
  tuning.Driver = fields.readText("driver");
  for (const Json &launch : fields.readList("launches")) {
    std::string where = path + ": launch " + std::to_string(tuning.Launches.size());
    tuning.Launches.emplace_back();
    if (std::string wrong = readLaunch(launch, where, tuning.Launches.back()); !wrong.empty())
      return wrong;
  }
  return fields.Wrong;
}

std::string lathe::cuda::writeTuning(const std::string &path, const TuningFile &tuning) {
  Json launches = Json::array();
  for (const TunedLaunch &launch : tuning.Launches) {
    Json times = Json::array();
    for (const TunedLaunch::Time &time : launch.Times)
      times.push_back({{"candidate", time.Candidate}, {"microseconds", std::round(time.Seconds * 1e8) / 100}});
    launches.push_back({{"launch", launch.Key}, {"kernels", launch.Hash}, {"measured", times}});
  }
  Json json = {{"format", Format},
               {"chip", tuning.Chip},
               {"device", tuning.Device},
               {"driver", tuning.Driver},
               {"launches", launches}};
  return artifact::writeFile(path, json.dump(1) + "\n");
}
